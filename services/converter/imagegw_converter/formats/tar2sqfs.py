"""Squashfs by ``tar2sqfs`` of squashfs-tools-ng: little memory, and the same bytes for any number of threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagegw_converter.formats import programs

if TYPE_CHECKING:
    from pathlib import Path

    from imagegw.domain.conversion import Compressor, ConversionOptions

NAME = "tar2sqfs"

COMPRESSORS: frozenset[Compressor] = frozenset({"zstd", "gzip", "xz", "lzo"})
"""Not lz4: what 1.2.0 writes with it, unsquashfs 4.5.1 calls corrupt (tried)."""


@dataclass(frozen=True)
class Tar2Sqfs:
    """See :class:`imagegw_converter.formats.port.Writer`."""

    version: str
    name: str = NAME

    @classmethod
    def found(cls) -> Tar2Sqfs:
        return cls(version=programs.version(NAME, "--version"))

    def command(self, options: ConversionOptions, processors: int, output: Path) -> list[str]:
        """Give the command; ``--no-skip`` makes an entry that it cannot read an error instead of a message."""
        level = options.effective_level
        return [
            NAME, "--quiet", "--no-skip", "--force",
            "--compressor", options.compressor,
            *([] if level is None else ["--comp-extra", f"level={level}"]),
            "--block-size", str(options.block_bytes),
            "--num-jobs", str(processors),
            str(output),
        ]  # fmt: skip

    def settle(self, output: Path) -> None:
        """Do nothing: it takes the root's attributes from the stream."""
