"""What delivery asks of a platform's image directory. Names are names in that directory, never paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imagegw.domain.progress import ReportProgress


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a file stands in the directory."""

    size_bytes: int
    mtime_s: float


class Transport(Protocol):
    """One platform's image directory.

    Every method raises PlatformUnreachable, PlatformFull or PlatformRefused when the platform does not let it.
    """

    def stat(self, name: str) -> Standing | None:
        """How the regular file stands; None if nothing has that name."""
        ...

    def names(self) -> Iterator[str]:
        """All names in the directory."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """The file's bytes from the platform's own storage, in pieces."""
        ...

    def upload(self, source: Path, name: str, progress: ReportProgress) -> None:
        """Make *name* a durable copy of *source*, mode 0600; what stood there is gone."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Make *name* a durable file with *content*, mode 0600; what stood there is gone."""
        ...

    def name_new(self, temporary: str, name: str) -> bool:
        """Give a finished temporary its name unless something has it; whether it was given."""
        ...

    def replace(self, temporary: str, name: str) -> None:
        """Give a finished temporary its name, whatever has it."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; it need not be there."""
        ...

    def sync(self) -> None:
        """Make the names durable."""
        ...
