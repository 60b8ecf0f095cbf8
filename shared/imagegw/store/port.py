"""What the steps need of a store: blobs by digest, and a few abilities that only some stores have.

A blob that can be seen in a store is whole and right: whoever opens it need not check it again, only be ready
for it to have vanished.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable


class Store(Protocol):
    """Blobs by digest (``sha256:<hex>``, ``sha512:<hex>``); safe for several threads, processes and hosts.

    Every method raises ``StoreFull`` or ``StoreFailed`` when the storage itself does not work.
    """

    def has(self, digest: str) -> bool:
        """Whether the blob is there now; then its time is renewed, which keeps the collector away."""

    def open(self, digest: str) -> BinaryIO:
        """The blob's bytes from the beginning; what is open stays readable when the blob is deleted.

        Raises:
            BlobMissing: it is not there.
        """

    def put(self, digest: str, size_bytes: int, chunks: Iterable[bytes]) -> None:
        """Returns when the blob is stored durably, by this call or by another; a repeat is harmless.

        Raises:
            BlobCorrupt: the chunks are not what digest and size say; nothing is stored, nothing stays behind.
                More than *size_bytes* is never read on.
        """

    def delete(self, digest: str) -> None:
        """The blob is not there any more; not an error if it was not."""


class Upload(Protocol):
    """A blob on its way into a store, by one writer."""

    @property
    def offset(self) -> int:
        """How many bytes are there already; the next one to write is this one."""

    def write(self, chunk: bytes) -> None:
        """*chunk* is appended.

        Raises:
            BlobCorrupt: there are more bytes than the blob has.
        """

    def restart(self) -> None:
        """What is there is thrown away: the offset is 0."""

    def commit(self) -> None:
        """The blob is stored, as by :meth:`Store.put`.

        Raises:
            BlobCorrupt: the bytes are too few, or others than the digest says; they are thrown away.
        """


@runtime_checkable
class Resumable(Protocol):
    """A store that keeps what came of an upload that broke off, also across the death of its process."""

    def resume(self, digest: str, size_bytes: int, *, claim: str) -> AbstractContextManager[Upload]:
        """The upload of a blob, going on where this claim, or one whose process is dead, has left it.

        Leaving the context without a commit keeps the bytes for the next who comes.
        """


@runtime_checkable
class LocalFiles(Protocol):
    """A store whose blobs are files of this host's file systems."""

    @property
    def staging(self) -> Path:
        """An existing directory on the blobs' file system, for files that :meth:`adopt` will take."""

    def path(self, digest: str) -> Path:
        """Where the blob is if it is there; to be read, never written or linked to.

        Raises:
            BlobMissing: it is not there.
        """

    def adopt(self, path: Path, digest: str, size_bytes: int) -> None:
        """The finished file at *path*, on the blobs' file system, becomes the blob, without being copied.

        Raises:
            BlobCorrupt: it is not what digest and size say; it stays where it is.
        """


@dataclass(frozen=True, kw_only=True)
class StoredBlob:
    """What the collector wants to know of a blob."""

    digest: str
    size_bytes: int
    unused_s: float
    """Since it was stored or last asked for by ``has``, by the store's own clock."""


@runtime_checkable
class Collectable(Protocol):
    """A store that can say what it holds."""

    def blobs(self) -> Iterator[StoredBlob]:
        """Every blob that is there, in no order; what comes or goes meanwhile may be missed."""

    def drop_stale_uploads(self, *, unused_s: float) -> int:
        """How many uploads were thrown away: those that nobody has written to for *unused_s* seconds."""
