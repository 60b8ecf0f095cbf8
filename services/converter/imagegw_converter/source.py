"""What a conversion reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer's blob.

    ``diff_id`` is the digest of the uncompressed bytes as the image's configuration names it; without one the
    blob's own digest is checked instead. ``open`` gives the blob from its first byte, as often as it is called,
    and raises :class:`imagegw.errors.BlobMissing` if it is gone.
    """

    digest: str
    diff_id: str | None
    media_type: str
    size_bytes: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, kw_only=True)
class ConversionInput:
    """An image's layers, the lowest first as in its manifest, and the digest of that manifest."""

    manifest_digest: str
    layers: Sequence[Layer]
