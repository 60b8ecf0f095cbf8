"""A blob's file while it is written: hashed as it grows, taken over from the dead, named when it is right.

The file is called after digest and claim, so two writers of one blob never share one, and it is locked by its
writer (``flock``, which the kernel undoes when the process dies): what can be locked has been left behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path

from imagegw.domain.digests import hasher_for, split_digest
from imagegw.errors import BlobCorrupt, StoreFailed
from imagegw.store.failures import translated

_REREAD_BYTES = 1 << 20


class _Lock(Enum):
    """Whose a file is; a file system without locks never gives another's file away."""

    OURS = auto()
    THEIRS = auto()
    UNKNOWN = auto()


class PartialBlob:
    """The upload of one blob into a directory; see :class:`imagegw.store.port.Upload`.

    Made by :func:`create` or :func:`resume`; must be closed.
    """

    def __init__(self, descriptor: int, path: Path, target: Path, digest: str, size_bytes: int) -> None:
        self._descriptor = descriptor
        self._path = path
        self._target = target
        self._digest = digest
        self._size_bytes = size_bytes
        self._offset = 0
        self._hasher = hasher_for(digest)
        self._settled = False

    @property
    def offset(self) -> int:
        return self._offset

    @translated("write a blob")
    def write(self, chunk: bytes) -> None:
        if self._offset + len(chunk) > self._size_bytes:
            self.discard()
            raise BlobCorrupt(f"expected {self._size_bytes} bytes of {self._digest}, found more")
        self._hasher.update(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._offset += len(chunk)

    @translated("empty an upload")
    def restart(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._offset = 0
        self._hasher = hasher_for(self._digest)

    @translated("name a blob")
    def commit(self) -> None:
        """See the port. Size before digest; the name comes last, when the bytes are on the disk."""
        found = f"{self._digest.partition(':')[0]}:{self._hasher.hexdigest()}"
        if self._offset != self._size_bytes or found != self._digest:
            self.discard()
            if self._offset != self._size_bytes:
                raise BlobCorrupt(f"expected {self._size_bytes} bytes of {self._digest}, found {self._offset}")
            raise BlobCorrupt(f"expected bytes of the digest {self._digest}, found {found}")
        os.fsync(self._descriptor)
        self._target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.rename(self._target)
        self._settled = True
        sync_directory(self._target.parent)

    def discard(self) -> None:
        """What was written is thrown away, if it is no blob yet."""
        if self._settled:
            return
        self._path.unlink(missing_ok=True)
        self._settled = True

    def close(self) -> None:
        """Lets go of the file. What is not committed stays for the next, if there is anything in it."""
        if not self._settled and self._offset == 0:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _reread(self) -> None:
        """Goes on after what the file holds, hashed again; starts over if that is more than the blob has."""
        if os.fstat(self._descriptor).st_size > self._size_bytes:
            self.restart()
            return
        while chunk := os.read(self._descriptor, _REREAD_BYTES):
            self._hasher.update(chunk)
            self._offset += len(chunk)


def create(directory: Path, target: Path, digest: str, size_bytes: int, *, claim: str) -> PartialBlob:
    """A fresh upload, whatever was there before under this claim."""
    partial = PartialBlob(*_open_own(directory, digest, claim), target, digest, size_bytes)
    partial.restart()
    return partial


def resume(directory: Path, target: Path, digest: str, size_bytes: int, *, claim: str) -> PartialBlob:
    """The upload of this claim, or else the longest that a dead process has left, or else a fresh one."""
    own = directory / _name(digest, claim)
    taken = None if own.exists() else _take_over_longest(directory, digest, own)
    opened = _open_own(directory, digest, claim) if taken is None else (taken, own)
    partial = PartialBlob(*opened, target, digest, size_bytes)
    partial._reread()  # noqa: SLF001 -- this module's own class
    return partial


def drop_if_left(path: Path) -> bool:
    """Whether the partial file at *path* had no writer any more and is now gone."""
    descriptor = _open_left(path)
    if descriptor is None:
        return False
    path.unlink(missing_ok=True)
    os.close(descriptor)
    return True


def sync_directory(directory: Path) -> None:
    """Names given in *directory* survive a crash of the host."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_own(directory: Path, digest: str, claim: str) -> tuple[int, Path]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / _name(digest, claim)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _lock(descriptor) is _Lock.THEIRS:
        os.close(descriptor)
        raise StoreFailed(f"the store could not go on with {digest}: another process has just taken it over")
    return descriptor, path


def _take_over_longest(directory: Path, digest: str, own: Path) -> int | None:
    """The locked descriptor of a file that was nobody's and is now *own*; None if there is none."""
    for left in _others(directory, digest, own):
        descriptor = _open_left(left)
        if descriptor is not None:
            left.rename(own)
            return descriptor
    return None


def _open_left(path: Path) -> int | None:
    """The locked descriptor of the file at *path*, if its writer is dead.

    The lock goes with the file, not with its name: between opening and locking, its writer may have finished
    and renamed it, and then it is a blob of the store, which must not be touched.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if _lock(descriptor) is _Lock.OURS and _is_at(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _others(directory: Path, digest: str, own: Path) -> Iterator[Path]:
    """Other claims' files for *digest*, the longest first."""
    found = [path for path in directory.glob(f"{_name(digest, '')}*") if path != own]
    sizes = {path: _size_of(path) for path in found}
    return iter(sorted(found, key=lambda path: sizes[path], reverse=True))


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (here.st_dev, here.st_ino)


def _lock(descriptor: int) -> _Lock:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _Lock.THEIRS
    except OSError as error:
        if error.errno in {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}:
            return _Lock.UNKNOWN
        raise
    return _Lock.OURS


def _name(digest: str, claim: str) -> str:
    algorithm, encoded = split_digest(digest)
    return f"{algorithm}-{encoded}.{claim}"
