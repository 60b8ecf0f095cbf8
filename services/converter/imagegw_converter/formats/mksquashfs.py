"""Squashfs by ``mksquashfs -tar`` of squashfs-tools, for hosts without squashfs-tools-ng."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagegw.errors import ResultWrong
from imagegw_converter.formats import programs, superblock

if TYPE_CHECKING:
    from pathlib import Path

    from imagegw.domain.conversion import Compressor, ConversionOptions

NAME = "mksquashfs"
COMPRESSORS: frozenset[Compressor] = frozenset({"zstd", "gzip", "xz", "lzo", "lz4"})
_UNCOMPRESSED = 0x8000
_MTIME_IN_INODE = 8


@dataclass(frozen=True)
class MkSquashfs:
    """See :class:`imagegw_converter.formats.port.Writer`."""

    version: str
    name: str = NAME

    @classmethod
    def found(cls) -> MkSquashfs:
        return cls(version=programs.version(NAME, "-version"))

    def command(self, options: ConversionOptions, processors: int, output: Path) -> list[str]:
        """Give the command.

        It ignores the stream's root: hence ``-root-mode``. ``-noI`` leaves the inodes uncompressed, so that
        :meth:`settle` can set the root's time, which no argument does for tar input.
        """
        level = options.effective_level
        return [
            NAME, "-", str(output), "-tar", "-noappend", "-quiet", "-no-progress", "-no-recovery",
            "-exit-on-error", "-mkfs-time", "0", "-root-mode", "755", "-noI",
            "-comp", options.compressor,
            *([] if level is None else ["-Xcompression-level", str(level)]),
            "-b", str(options.block_bytes),
            "-processors", str(processors),
            "-mem", f"{options.memory_bytes >> 20}M",
        ]  # fmt: skip

    def settle(self, output: Path) -> None:
        """Set the root's time, which is that of the call, to 0: the same layers give the same bytes.

        Raises:
            ResultWrong: the root's inode is not where a squashfs file has it.
        """
        try:
            found = superblock.read(output)
        except superblock.NoSquashfs as error:
            message = f"mksquashfs wrote no squashfs file: {error}"
            raise ResultWrong(message) from error
        block = found.inode_table + (found.root_inode >> 16)
        with output.open("r+b") as file:
            file.seek(block)
            (header,) = struct.unpack("<H", file.read(2))
            if not header & _UNCOMPRESSED:
                message = "mksquashfs compressed the inodes, though told not to"
                raise ResultWrong(message)
            file.seek(block + 2 + (found.root_inode & 0xFFFF) + _MTIME_IN_INODE)
            file.write(bytes(4))
