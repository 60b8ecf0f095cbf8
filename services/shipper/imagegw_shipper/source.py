"""A file of the store while it is sent: what goes wrong in reading it is the store's fault, not the platform's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from imagegw.domain.records import FileRef
from imagegw.errors import StoreFailed
from imagegw.store.failures import translated
from imagegw.store.port import Store


class StoredFile:
    """An open blob; it stays readable though the store loses its name meanwhile."""

    def __init__(self, file: BinaryIO, ref: FileRef) -> None:
        self._file = file
        self.ref = ref

    @property
    def size_bytes(self) -> int:
        """Its whole length."""
        return self.ref.size_bytes

    @property
    def descriptor(self) -> int:
        """For the kernel's ways to copy it, and for programs that take one."""
        return self._file.fileno()

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Up to *size_bytes* bytes from *offset*, at least one.

        Raises:
            StoreFailed: the disk, or the file ends before *offset*.
        """
        with translated(f"read {self.ref.digest}"):
            piece = os.pread(self.descriptor, size_bytes, offset)
        if not piece:
            raise StoreFailed(f"{self.ref.digest} in the store ends after {offset} of {self.size_bytes} bytes")
        return piece


@contextmanager
def stored_file(store: Store, ref: FileRef) -> Iterator[StoredFile]:
    """The blob, open.

    Raises:
        BlobMissing: the store has it no more.
        StoreFailed: it has another length than it had when it was made.
    """
    with store.open(ref.digest) as file:
        with translated(f"look at {ref.digest}"):
            found_bytes = os.fstat(file.fileno()).st_size
        if found_bytes != ref.size_bytes:
            raise StoreFailed(f"expected {ref.size_bytes} bytes of {ref.digest} in the store, found {found_bytes}")
        yield StoredFile(file, ref)
