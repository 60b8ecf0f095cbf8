"""What a registry client finds."""

from __future__ import annotations

from dataclasses import dataclass

from imagegw.domain.oci import ImageConfig, Index, Manifest


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """What a reference means at its registry now."""

    digest: str
    """Of the manifest or index."""
    media_type: str | None
    size_bytes: int | None
    public: bool
    """Whether anybody may read it; else only who has a login such as the one that it was resolved with."""


@dataclass(frozen=True, kw_only=True)
class FetchedManifest:
    """A manifest or index whose bytes have the digest that they were asked for by."""

    digest: str
    body: bytes
    parsed: Manifest | Index


@dataclass(frozen=True, kw_only=True)
class PlatformManifest:
    """The one manifest that is right for a platform."""

    digest: str
    body: bytes
    manifest: Manifest
    config: ImageConfig
