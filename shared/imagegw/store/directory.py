"""The store that is an OCI image layout on a file system which the stage hosts share.

``blobs/<algorithm>/<hex>`` as the image specification's image-layout.md has it; uploads stand beside them in
``uploads/``. ``index.json`` is derived from the database and not written here. Blobs are the gateway's alone
(0600), since they may come from private repositories.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from imagegw.domain.digests import hasher_for, is_digest, split_digest
from imagegw.errors import BlobCorrupt, BlobMissing
from imagegw.store import partial
from imagegw.store.failures import translated
from imagegw.store.port import StoredBlob, Upload

_LAYOUT = b'{"imageLayoutVersion": "1.0.0"}\n'
_READ_BYTES = 1 << 20


class DirectoryStore:
    """Blobs as files below *root*, which is made when it is missing, as is everything below it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._uploads = root / "uploads"

    def has(self, digest: str) -> bool:
        with translated(f"look for {digest}"):
            try:
                os.utime(self._place(digest))
            except FileNotFoundError:
                return False
            return True

    def open(self, digest: str) -> BinaryIO:
        with translated(f"open {digest}"):
            try:
                return self._place(digest).open("rb")
            except FileNotFoundError:
                raise BlobMissing(digest) from None

    def put(self, digest: str, size_bytes: int, chunks: Iterable[bytes]) -> None:
        if self.has(digest):
            return
        with translated(f"store {digest}"):
            self._write_layout_file()
            place = self._place(digest)
            upload = partial.create(self._uploads, place, digest, size_bytes, claim=uuid.uuid4().hex)
        try:
            for chunk in chunks:
                upload.write(chunk)
            upload.commit()
        finally:
            upload.discard()
            upload.close()

    def delete(self, digest: str) -> None:
        with translated(f"delete {digest}"):
            self._place(digest).unlink(missing_ok=True)

    @contextmanager
    def resume(self, digest: str, size_bytes: int, *, claim: str) -> Iterator[Upload]:
        """See :class:`imagegw.store.port.Resumable`."""
        with translated(f"store {digest}"):
            self._write_layout_file()
            place = self._place(digest)
            upload = partial.resume(self._uploads, place, digest, size_bytes, claim=claim)
        try:
            yield upload
        finally:
            upload.close()

    @property
    def staging(self) -> Path:
        """See :class:`imagegw.store.port.LocalFiles`."""
        with translated("make the directory for uploads"):
            self._uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._uploads

    def path(self, digest: str) -> Path:
        """See :class:`imagegw.store.port.LocalFiles`."""
        place = self._place(digest)
        if not place.is_file():
            raise BlobMissing(digest)
        return place

    def adopt(self, path: Path, digest: str, size_bytes: int) -> None:
        """See :class:`imagegw.store.port.LocalFiles`."""
        with translated(f"store {digest}"), path.open("rb") as file:
            self._write_layout_file()
            _check(file, digest, size_bytes)
            os.fsync(file.fileno())
            place = self._place(digest)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o600)
            path.rename(place)
            os.utime(place)
            partial.sync_directory(place.parent)

    def blobs(self) -> Iterator[StoredBlob]:
        """See :class:`imagegw.store.port.Collectable`."""
        with translated("list the blobs"):
            now_s = self._now_s()
            for directory in (self._root / "blobs").glob("*"):
                for entry in os.scandir(directory):
                    digest = f"{directory.name}:{entry.name}"
                    found = _stat(entry) if is_digest(digest) else None
                    if found is not None:
                        yield StoredBlob(digest=digest, size_bytes=found.st_size, unused_s=now_s - found.st_mtime)

    def drop_stale_uploads(self, *, unused_s: float) -> int:
        """See :class:`imagegw.store.port.Collectable`."""
        with translated("clear the uploads"):
            before_s = self._now_s() - unused_s
            found = [(Path(entry.path), _stat(entry)) for entry in os.scandir(self.staging)]
            stale = [path for path, at in found if at is not None and at.st_mtime <= before_s]
            return sum(partial.drop_if_left(path) for path in stale)

    def _place(self, digest: str) -> Path:
        algorithm, encoded = split_digest(digest)
        return self._root / "blobs" / algorithm / encoded

    def _write_layout_file(self) -> None:
        path = self._root / "oci-layout"
        if path.exists():
            return
        fresh = self.staging / f"oci-layout.{uuid.uuid4().hex}"
        fresh.write_bytes(_LAYOUT)
        fresh.rename(path)

    def _now_s(self) -> float:
        """The time by the file system's own clock, which need not be this host's."""
        probe = self.staging / f"clock.{uuid.uuid4().hex}"
        probe.touch()
        try:
            return probe.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    """What the entry is, or None if it has gone since it was listed."""
    try:
        return entry.stat()
    except FileNotFoundError:
        return None


def _check(file: BinaryIO, digest: str, size_bytes: int) -> None:
    found_bytes = os.fstat(file.fileno()).st_size
    if found_bytes != size_bytes:
        raise BlobCorrupt(f"expected {size_bytes} bytes of {digest}, found {found_bytes}")
    hasher = hasher_for(digest)
    while chunk := file.read(_READ_BYTES):
        hasher.update(chunk)
    if hasher.hexdigest() != split_digest(digest)[1]:
        raise BlobCorrupt(f"expected a file of the digest {digest}, found another")
