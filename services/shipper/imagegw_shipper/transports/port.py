"""What delivery asks of a platform's image directory. Names are names in that directory, never paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from imagegw.domain.progress import ReportProgress


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a file stands in the directory."""

    size_bytes: int
    mtime_s: float


class Source(Protocol):
    """The file to be sent. Its errors are the store's own and pass through a transport unchanged."""

    @property
    def size_bytes(self) -> int: ...
    @property
    def descriptor(self) -> int:
        """An open file, for ways to copy that take one; its position is nobody's."""
        ...

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Up to *size_bytes* bytes from *offset*, at least one; safe for several threads."""
        ...


class Transport(Protocol):
    """One platform's image directory.

    Every method raises PlatformUnreachable, PlatformFull or PlatformRefused when the platform does not let it.
    What a method that raises has begun under a temporary name may be left there: its caller removes it.
    """

    def stat(self, name: str) -> Standing | None:
        """How the regular file stands; None if nothing has that name.

        Raises:
            PlatformRefused: what has the name is no regular file.
        """
        ...

    def names(self) -> Iterator[str]:
        """All names in the directory."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """The file's bytes from the platform's own storage, in pieces."""
        ...

    def inherit(self, left: str, temporary: str) -> None:
        """The name *left*, a temporary of a claim that stands no more, is gone afterwards.

        A way whose bytes are dear makes it *temporary*, for `upload` to go on with; another removes it.
        """
        ...

    def upload(self, source: Source, name: str, progress: ReportProgress) -> None:
        """Make *name* a durable copy of *source*, mode 0600; what stood there is inherited, or gone."""
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
