"""Counts what a conversion takes in, and refuses an image that takes too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagegw_converter.tar.entry import EntryRefused

if TYPE_CHECKING:
    from imagegw.domain.conversion import Limits
    from imagegw_converter.tar.entry import Entry

MAX_OWNERS = 1 << 16
"""Distinct uids and gids together that one squashfs can name."""


class Budget:
    """What one reading of all layers may still take."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._current = b""
        self._layer_bytes = 0
        self._entries = 0
        self._owners: set[int] = set()
        self.uncompressed_bytes = 0
        """Of all layers so far, holes included."""

    def begin_layer(self) -> None:
        self._layer_bytes = 0
        self._current = b"(its start)"

    def take_bytes(self, count: int, *, compressed: int) -> None:
        """Count decompressed bytes of the layer that is read.

        Raises:
            EntryRefused: the image has too many, or the layer too many for its ``compressed`` size so far.
        """
        self._layer_bytes += count
        self.uncompressed_bytes += count
        limits = self._limits
        if self.uncompressed_bytes > limits.uncompressed_bytes:
            rule = f"an image may have {limits.uncompressed_bytes} bytes uncompressed"
            raise EntryRefused(self._current, rule)
        if self._layer_bytes > max(limits.ratio_free_bytes, limits.ratio * compressed):
            rule = f"a layer may be compressed {limits.ratio} times, this one is more"
            raise EntryRefused(self._current, rule)

    def take_entry(self, entry: Entry) -> None:
        """Count an entry.

        Raises:
            EntryRefused: there are too many, it is too deep, or it alone is larger than the image may be.
        """
        limits = self._limits
        self._entries += 1
        self._current = entry.path
        if self._entries > limits.entries:
            raise EntryRefused(entry.path, f"an image may have {limits.entries} entries")
        if entry.path.count(b"/") >= limits.path_depth:
            raise EntryRefused(entry.path[:255], f"a path may have {limits.path_depth} components")
        if entry.size > limits.uncompressed_bytes:
            rule = f"an image may have {limits.uncompressed_bytes} bytes uncompressed, this file has {entry.size}"
            raise EntryRefused(entry.path, rule)
        if entry.holes is not None:
            self.uncompressed_bytes += entry.size - entry.stored_size

    def take_owners(self, path: bytes, uid: int, gid: int) -> None:
        """Count the ids of an entry that is written.

        Raises:
            EntryRefused: there are more than squashfs can name.
        """
        self._owners.update((uid, gid))
        if len(self._owners) > MAX_OWNERS:
            raise EntryRefused(path, f"an image may have {MAX_OWNERS} distinct owners and groups")
