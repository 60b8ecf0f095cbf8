"""Decompression of layers: by the bytes' magic, since media types are often wrong."""

from __future__ import annotations

import gzip
import sys
import zlib
from typing import TYPE_CHECKING, Any, Protocol, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

_open_gzip: Callable[..., Any]
_gzip_errors: tuple[type[Exception], ...]
try:
    from isal import igzip, igzip_lib

    _open_gzip = igzip.IGzipFile
    _gzip_errors = (cast("type[Exception]", igzip_lib.IsalError), zlib.error)
except ImportError:  # there is no wheel for this processor; three times slower
    _open_gzip = gzip.GzipFile
    _gzip_errors = (zlib.error,)

DAMAGED: tuple[type[Exception], ...] = (EOFError, gzip.BadGzipFile, *_gzip_errors, zstd.ZstdError)
"""What the codecs raise on a stream that is cut or corrupt."""

MAX_WINDOW_LOG = 27
"""128 MiB, what ``zstd --long`` writes; a frame that wants more memory than that is refused."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"
_REFUSED = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x04\x22\x4d\x18": "lz4"}
_MAGIC_BYTES = 6


class Readable(Protocol):
    """A decompressed stream."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill what fits, and say how much; 0 is the end."""


class UnknownCodec(Exception):
    """The stream begins like none that a layer may have."""


class Replayed:
    """The rest of a blob, with its first bytes put back; counts and shows what passes."""

    def __init__(self, blob: BinaryIO, seen: Callable[[bytes], None]) -> None:
        self._blob = blob
        self._seen = seen
        self._head = b""
        self.count = 0

    def peek(self, size: int) -> bytes:
        """Give the first bytes without taking them, fewer than ``size`` if there are no more."""
        while len(self._head) < size and (piece := self._blob.read(size - len(self._head))):
            self._head += piece
        return self._head

    def read(self, size: int, /) -> bytes:
        """Give up to ``size`` bytes, none only at the end."""
        data = self._blob.read(size)
        if self._head:
            data, self._head = self._head + data, b""
        self._seen(data)
        self.count += len(data)
        return data

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill what fits, and say how much; 0 is the end."""
        data = self.read(len(buffer) - len(self._head))
        buffer[: len(data)] = data
        return len(data)


def decompressed(blob: Replayed) -> Readable:
    """Give the uncompressed stream of a layer's blob.

    Raises:
        UnknownCodec: it is compressed in a way that no image specification has.
    """
    magic = blob.peek(_MAGIC_BYTES)
    if magic.startswith(_GZIP):
        return cast("Readable", _open_gzip(fileobj=blob, mode="rb"))
    if magic.startswith(_ZSTD) or magic[1:4] == _ZSTD_SKIPPABLE:
        options: Mapping[int, int] = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
        return zstd.ZstdFile(cast("BinaryIO", blob), options=options)
    for start, codec in _REFUSED.items():
        if magic.startswith(start):
            message = f"layers may be compressed with gzip or zstd, this one is with {codec}"
            raise UnknownCodec(message)
    return blob
