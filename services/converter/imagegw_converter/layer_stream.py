"""One layer's uncompressed bytes: decompressed, counted and hashed on their way to the tar reader."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from imagegw_converter import codecs
from imagegw_converter.tar.entry import TarError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from imagegw_converter.limits import Budget
    from imagegw_converter.source import Layer

BUFFER_BYTES = 1 << 18
"""Fits the second-level cache, so that a byte is hashed and sent while it is still there."""

ALGORITHMS = {"sha256", "sha512"}


class LayerStream:
    """A :class:`imagegw_converter.tar.source.Source` over a layer's blob.

    Args:
        blob: the layer's bytes as stored.
        layer: what they should be.
        budget: is told of every byte.
        on_read: called after every piece with the compressed bytes read so far; may raise to stop.
    """

    def __init__(self, blob: BinaryIO, layer: Layer, budget: Budget, on_read: Callable[[int], None]) -> None:
        algorithm, _, expected = (layer.diff_id or layer.digest).partition(":")
        if algorithm not in ALGORITHMS:
            message = f"digests of {algorithm!r} cannot be checked"
            raise TarError(message)
        self._hash = hashlib.new(algorithm)
        self._expected = expected
        self._hashes_blob = layer.diff_id is None
        self._raw = codecs.Replayed(blob, self._hash.update if self._hashes_blob else _ignore)
        self._budget = budget
        self._on_read = on_read
        self._stream: codecs.Readable | None = None
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._start = self._end = 0

    def take(self, count: int) -> bytes:
        if self._end - self._start >= count:
            self._start += count
            return self._buffer[self._start - count : self._start].tobytes()
        pieces = []
        while count and (piece := self._piece(count)):
            pieces.append(piece.tobytes())
            count -= len(piece)
        return b"".join(pieces)

    def take_exactly(self, count: int) -> bytes:
        data = self.take(count)
        if len(data) < count:
            raise TarError(_CUT)
        return data

    def skip(self, count: int) -> None:
        self.pass_on(count, _ignore)

    def pass_on(self, count: int, sink: Callable[[memoryview], None]) -> None:
        while count:
            piece = self._piece(count)
            if not piece:
                raise TarError(_CUT)
            sink(piece)
            count -= len(piece)

    def finish(self) -> None:
        """Read what follows the archive, and compare the digest.

        Raises:
            TarError: it is another one than the image names.
        """
        while self._piece(BUFFER_BYTES):
            pass
        while self._hashes_blob and self._raw.read(BUFFER_BYTES):
            pass
        found = self._hash.hexdigest()
        if found != self._expected:
            what = "compressed" if self._hashes_blob else "uncompressed"
            message = f"its {what} digest is {self._hash.name}:{found}, the image names {self._expected}"
            raise TarError(message)

    def _piece(self, count: int) -> memoryview:
        """Give up to ``count`` bytes that are at hand; none only at the end."""
        if self._start == self._end:
            self._fill()
        start = self._start
        self._start = min(self._end, start + count)
        return self._buffer[start : self._start]

    def _fill(self) -> None:
        try:
            if self._stream is None:
                self._stream = codecs.decompressed(self._raw)
            got = self._stream.readinto(self._buffer)
        except codecs.DAMAGED as error:
            message = f"its compressed stream is damaged: {error}"
            raise TarError(message) from error
        except codecs.UnknownCodec as error:
            raise TarError(str(error)) from error
        self._start, self._end = 0, got
        if not self._hashes_blob:
            self._hash.update(self._buffer[:got])
        self._budget.take_bytes(got, compressed=self._raw.count)
        self._on_read(self._raw.count)


def _ignore(_piece: bytes | memoryview) -> None:
    pass


_CUT = "the stream ends in the middle of an entry"
