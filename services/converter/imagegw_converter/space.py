"""Free space on the file system that a conversion writes to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from imagegw.errors import StoreFull

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEAST_RESULT = 2
"""A result is rarely smaller than half of the compressed layers; with less space there is no use in starting."""

_PIECES_BETWEEN_LOOKS = 64


def free_bytes(directory: Path) -> int:
    """Give what an unprivileged process may still write there."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


class SpaceWatch:
    """Stops a conversion before it fills the file system.

    Args:
        output: the file that is written.
        reserve_bytes: what is left free.
        layers_bytes: compressed size of all layers.
        free: looks how much is free; for tests.
    """

    def __init__(
        self,
        output: Path,
        reserve_bytes: int,
        layers_bytes: int,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._output = output
        self._reserve = reserve_bytes
        self._layers = layers_bytes
        self._free = free
        self._calls = 0

    def check_before(self) -> None:
        """Look whether a conversion has a chance.

        Raises:
            StoreFull: it has none.
        """
        needed = self._layers // LEAST_RESULT + self._reserve
        free = self._free(self._output.parent)
        if free < needed:
            raise StoreFull(self._sentence(needed - free, free))

    def check_while(self, read_bytes: int) -> None:
        """Look, now and then, whether the rest will fit.

        Raises:
            StoreFull: the reserve is reached.
        """
        self._calls += 1
        if self._calls % _PIECES_BETWEEN_LOOKS == 0 and self._free(self._output.parent) < self._reserve:
            raise self.full(read_bytes)

    def full(self, read_bytes: int) -> StoreFull:
        """Say how much is missing, from how far the writer came with what was read."""
        free = self._free(self._output.parent)
        written = self._output.stat().st_size if self._output.exists() else 0
        expected = written * self._layers // max(read_bytes, 1)
        missing = max(expected - written, 0) + self._reserve - free
        return StoreFull(self._sentence(max(missing, 1), free))

    def _sentence(self, missing: int, free: int) -> str:
        return f"{self._output.parent} has {free} bytes free, about {missing} more are needed for this image"
