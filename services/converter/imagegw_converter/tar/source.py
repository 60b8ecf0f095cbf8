"""What the tar reader reads from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Source(Protocol):
    """A stream of uncompressed bytes.

    Raises:
        TarError: from the three methods that need ``count`` bytes, when the stream ends before.
    """

    def take(self, count: int) -> bytes:
        """Give the next ``count`` bytes, fewer only at the end."""

    def take_exactly(self, count: int) -> bytes:
        """Give the next ``count`` bytes."""

    def skip(self, count: int) -> None:
        """Go on by ``count`` bytes."""

    def pass_on(self, count: int, sink: Callable[[memoryview], None]) -> None:
        """Give the next ``count`` bytes to ``sink``, in pieces that are valid during the call only."""
