"""What the converter asks of a format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from imagegw.domain.conversion import ConversionOptions


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a written file must hold."""

    inodes: int
    names: int | None
    """Lines of a listing without the root's; None if names hold line breaks."""

    sample: Sequence[tuple[bytes, str]]
    """Path and sha256 of some files' contents."""


class Writer(Protocol):
    """A program that makes an image file of a tar stream on its standard input."""

    @property
    def name(self) -> str:
        """Its name as a command."""

    @property
    def version(self) -> str:
        """As it gives it."""

    def command(self, options: ConversionOptions, processors: int, output: Path) -> list[str]:
        """Give the program and its arguments; it overwrites ``output``."""

    def settle(self, output: Path) -> None:
        """Change what the program wrote where its arguments could not."""


class Format(Protocol):
    """One kind of image file."""

    def writer(self, options: ConversionOptions) -> Writer:
        """Find the best program that this host has.

        Raises:
            ToolMissing: it has none.
        """

    def check(self, file: Path, writer: Writer, options: ConversionOptions, expected: Expected) -> str:
        """Compare a written file with what was sent, by a program other than the writer; give that one's name.

        Raises:
            ResultWrong: they disagree.
            ToolMissing: no program can tell.
        """
