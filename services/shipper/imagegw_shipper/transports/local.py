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
from imagegw.errors import PlatformFull, PlatformRefused
from imagegw_shipper.transports.port import Source, Standing

_FICLONE = 0x40049409
"""linux/fs.h: share the extents of another file."""
_PIECE_BYTES = 8 << 20
_SYNC_EVERY_BYTES = 256 << 20
"""Written to disk at least so often: one sync of a large file would be a silence that looks like a stall."""


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
            raise PlatformRefused(f"{self._directory / name} is not a regular file, as ours are")
        return Standing(size_bytes=found.st_size, mtime_s=found.st_mtime)

    def names(self) -> Iterator[str]:
        with self._translated("list", "."):
            names = [path.name for path in self._directory.iterdir()]
        yield from names

    def read(self, name: str) -> Iterator[bytes]:
        with self._translated("read", name):
            handle = os.open(self._directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            with self._translated("read", name):
                # What was written a moment ago is to be read from the disk, not from this host's memory.
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            while True:
                with self._translated("read", name):
                    piece = os.read(handle, _PIECE_BYTES)
                if not piece:
                    return
                yield piece
        finally:
            os.close(handle)

    def inherit(self, left: str, temporary: str) -> None:
        """Removed: a copy here is fast, and a holder that only slept would go on writing into what is now ours."""
        self.remove(left)

    def upload(self, source: Source, name: str, progress: ReportProgress) -> None:
        with self._fresh(name) as target:
            if not _clone(source.descriptor, target):
                self._check_space(source.size_bytes, name)
                self._copy(source, target, name, progress)
        progress(source.size_bytes, source.size_bytes)

    def write(self, name: str, content: bytes) -> None:
        with self._fresh(name) as target, self._translated("write", name, missing=len(content)):
            _write_all(target, content)

    def name_new(self, temporary: str, name: str) -> bool:
        ours, wanted = self._directory / temporary, self._directory / name
        with self._translated("name", name):
            try:
                os.link(ours, wanted, follow_symlinks=False)
            except FileExistsError:
                if not _is_same(ours, wanted):  # NFS may have repeated a request that had been done
                    return False
            ours.unlink()
        return True

    def replace(self, temporary: str, name: str) -> None:
        with self._translated("name", name):
            (self._directory / temporary).replace(self._directory / name)

    def remove(self, name: str) -> None:
        with self._translated("remove", name):
            (self._directory / name).unlink(missing_ok=True)

    def sync(self) -> None:
        with self._translated("sync", "."):
            handle = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    @contextmanager
    def _fresh(self, name: str) -> Iterator[int]:
        """A new file that is durable, and 0600 whatever the umask, when the context ends well."""
        path = self._directory / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._translated("make", name):
            path.unlink(missing_ok=True)
            handle = os.open(path, flags, 0o600)
        try:
            with self._translated("make", name):
                os.fchmod(handle, 0o600)
            yield handle
            with self._translated("write", name):
                os.fsync(handle)
        finally:
            os.close(handle)

    def _copy(self, source: Source, target: int, name: str, progress: ReportProgress) -> None:
        done = synced = 0
        in_kernel = True
        while done < source.size_bytes:
            progress(done, source.size_bytes)
            wanted = min(source.size_bytes - done, _PIECE_BYTES)
            copied = _copy_in_kernel(source.descriptor, target, done, wanted) if in_kernel else 0
            if copied == 0:
                in_kernel = False
                piece = source.read_at(done, wanted)
                with self._translated("write", name, missing=source.size_bytes - done):
                    copied = _write_all(target, piece)
            done += copied
            if done - synced >= _SYNC_EVERY_BYTES:
                with self._translated("write", name, missing=source.size_bytes - done):
                    os.fdatasync(target)
                synced = done

    def _check_space(self, needed: int, name: str) -> None:
        with self._translated("look for room for", name):
            found = os.statvfs(self._directory)
        free = found.f_bavail * found.f_frsize
        if free < needed:
            raise PlatformFull(
                f"{self._directory} has {free} bytes free, the image needs {needed}: {needed - free} are missing"
            )

    def _check_directory(self) -> None:
        if not self._directory.is_dir():
            raise PlatformRefused(f"the image directory {self._directory} is not there")

    @contextmanager
    def _translated(self, doing: str, name: str, *, missing: int | None = None) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            sentence = f"could not {doing} {self._directory / name}: {error.strerror}"
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                left = "" if missing is None else f"; {missing} bytes were still to be written"
                raise PlatformFull(sentence + left) from error
            raise PlatformRefused(sentence) from error


def _clone(source: int, target: int) -> bool:
    """Share the source's extents. Why that did not work does not matter: copying says it better."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy_in_kernel(source: int, target: int, offset: int, size_bytes: int) -> int:
    """How many bytes were copied to where *target* stands; 0 if the kernel cannot, for whatever reason.

    Its error does not say which of the two files is to blame; reading and writing does.
    """
    try:
        return os.copy_file_range(source, target, size_bytes, offset_src=offset)
    except OSError:
        return 0


def _write_all(target: int, content: bytes) -> int:
    view = memoryview(content)
    while view:
        view = view[os.write(target, view) :]
    return len(content)


def _is_same(one: Path, other: Path) -> bool:
    first, second = os.lstat(one), os.lstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
