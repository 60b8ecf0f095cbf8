"""An image directory on a file system of this host."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagegw.domain.progress import ReportProgress
from imagegw.errors import PlatformFull, PlatformRefused, StepAborted
from imagegw_shipper.transports.port import Standing

_FICLONE = 0x40049409
"""linux/fs.h: share the extents of another file."""
_PIECE_BYTES = 8 << 20
_NO_CLONE = frozenset({errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM})


class LocalTransport:
    """Files of one directory; a new file is copied, reflinked where that is possible, and never hard-linked.

    A hard link into the store would be shorter, and wrong: a change of mode or owner on the platform would
    reach the store's blob.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def stat(self, name: str) -> Standing | None:
        with self._translated("look at", name):
            try:
                found = os.lstat(self._directory / name)
            except FileNotFoundError:
                self._check_directory()
                return None
        if not stat.S_ISREG(found.st_mode):
            raise PlatformRefused(f"{self._directory / name} is not a regular file, as an image must be")
        return Standing(size_bytes=found.st_size, mtime_s=found.st_mtime)

    def names(self) -> Iterator[str]:
        with self._translated("list", "."):
            names = [path.name for path in self._directory.iterdir()]
        yield from names

    def read(self, name: str) -> Iterator[bytes]:
        with self._translated("read", name):
            file = (self._directory / name).open("rb", buffering=0)
        with file:
            # What was written a moment ago is to be read from the disk, not from this host's memory.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while True:
                with self._translated("read", name):
                    piece = file.read(_PIECE_BYTES)
                if not piece:
                    return
                yield piece

    def upload(self, source: Path, name: str, progress: ReportProgress) -> None:
        size = source.stat().st_size
        self._check_space(size, name)
        with source.open("rb", buffering=0) as blob, self._fresh(name) as target:
            if not _clone(blob.fileno(), target):
                self._copy(blob.fileno(), target, size, name, progress)
        progress(size, size)

    def write(self, name: str, content: bytes) -> None:
        with self._fresh(name) as target, self._translated("write", name):
            view = memoryview(content)
            while view:
                view = view[os.write(target, view) :]

    def name_new(self, temporary: str, name: str) -> bool:
        with self._translated("name", name):
            try:
                os.link(self._directory / temporary, self._directory / name, follow_symlinks=False)
            except FileExistsError:
                return False
            (self._directory / temporary).unlink()
        return True

    def replace(self, temporary: str, name: str) -> None:
        with self._translated("name", name):
            (self._directory / temporary).replace(self._directory / name)

    def remove(self, name: str) -> None:
        with self._translated("remove", name):
            (self._directory / name).unlink(missing_ok=True)

    def sync(self) -> None:
        with self._translated("sync", "."):
            handle = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    @contextmanager
    def _fresh(self, name: str) -> Iterator[int]:
        """A new file that is durable when the context ends well, and gone when it does not."""
        path = self._directory / name
        with self._translated("make", name):
            path.unlink(missing_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            yield handle
            with self._translated("write", name):
                os.fchmod(handle, 0o600)
                os.fsync(handle)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)

    def _copy(self, source: int, target: int, size: int, name: str, progress: ReportProgress) -> None:
        done = 0
        while done < size:
            progress(done, size)
            with self._translated("write", name):
                copied = _copy_piece(source, target, size - done)
            if copied == 0:
                raise PlatformRefused(f"the copy of {name} ended after {done} of {size} bytes")
            done += copied

    def _check_space(self, needed: int, name: str) -> None:
        with self._translated("look for room for", name):
            found = os.statvfs(self._directory)
        free = found.f_bavail * found.f_frsize
        if free < needed:
            raise PlatformFull(
                f"{self._directory} has {free} bytes free, {name.removeprefix('.')[:12]}… needs {needed}:"
                f" {needed - free} are missing"
            )

    def _check_directory(self) -> None:
        if not self._directory.is_dir():
            raise PlatformRefused(f"the image directory {self._directory} is not there")

    @contextmanager
    def _translated(self, doing: str, name: str) -> Iterator[None]:
        try:
            yield
        except StepAborted:
            raise
        except OSError as error:
            sentence = f"could not {doing} {self._directory / name}: {error.strerror or error}"
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise PlatformFull(sentence) from error
            raise PlatformRefused(sentence) from error


def _clone(source: int, target: int) -> bool:
    """Share the source's extents, where both are on one file system that can."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _NO_CLONE:
            return False
        raise
    return True


def _copy_piece(source: int, target: int, left: int) -> int:
    """Copy up to one piece from and to where both files stand, in the kernel if it can."""
    try:
        return os.copy_file_range(source, target, min(left, _PIECE_BYTES))
    except OSError as error:
        if error.errno not in _NO_CLONE:
            raise
    piece = os.read(source, min(left, _PIECE_BYTES))
    view = memoryview(piece)
    while view:
        view = view[os.write(target, view) :]
    return len(piece)
