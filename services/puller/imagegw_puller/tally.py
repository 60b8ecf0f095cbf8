"""How far all of an image's downloads are together."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from imagegw.domain.oci import Descriptor


class Tally:
    """Bytes done of bytes in all; counted by several threads, read by one."""

    def __init__(self, blobs: Iterable[Descriptor]) -> None:
        self._lock = threading.Lock()
        self._done = {blob.digest: 0 for blob in blobs}
        self.total_bytes = sum({blob.digest: blob.size_bytes for blob in blobs}.values())

    def reached(self, digest: str, offset: int) -> None:
        """So much of this blob is there now; less than before if it had to start over."""
        with self._lock:
            self._done[digest] = offset

    @property
    def done_bytes(self) -> int:
        """Of all blobs."""
        with self._lock:
            return sum(self._done.values())
