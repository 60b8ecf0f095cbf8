"""Picks some files of an image and remembers the digests of their contents, to compare what was written."""

from __future__ import annotations

import hashlib
import heapq
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES = 8
MAX_SAMPLE_BYTES = 64 << 20
"""Larger files would make the reading back longer than the writing."""


class Sample:
    """Those files whose paths have the lowest checksums: the same ones every time, from all over the image."""

    def __init__(self) -> None:
        self._chosen: list[tuple[int, bytes, str]] = []

    def wants(self, path: bytes, size: int) -> bool:
        if size > MAX_SAMPLE_BYTES:
            return False
        return len(self._chosen) < SAMPLES or zlib.crc32(path) < -self._chosen[0][0]

    def add(self, path: bytes, digest: str) -> None:
        item = (-zlib.crc32(path), path, digest)
        if len(self._chosen) < SAMPLES:
            heapq.heappush(self._chosen, item)
        else:
            heapq.heappushpop(self._chosen, item)

    def contents(self) -> list[tuple[bytes, str]]:
        """Give path and sha256 of the files chosen."""
        return sorted((path, digest) for _, path, digest in self._chosen)


class Tee:
    """Passes content on and hashes it."""

    def __init__(self, sink: Callable[[memoryview], None]) -> None:
        self._sink = sink
        self._digest = hashlib.sha256()

    def write(self, piece: memoryview) -> None:
        self._digest.update(piece)
        self._sink(piece)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
