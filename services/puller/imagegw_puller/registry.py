"""What the puller's steps ask of a registry."""

from __future__ import annotations

from typing import Protocol

from imagegw.domain.oci import Architecture
from imagegw.domain.reference import Reference
from imagegw.registry.blobs import BlobSource
from imagegw.registry.found import FetchedManifest, PlatformManifest, Resolved
from imagegw.registry.settings import LocationSettings, Login


class Registry(Protocol):
    """One location; see :class:`imagegw.registry.client.RegistryClient` for what each method promises."""

    @property
    def settings(self) -> LocationSettings: ...
    def resolve(self, reference: Reference, login: Login | None) -> Resolved:
        """What the reference means now, and whether anybody may read it."""
        ...

    def reading_login(self, *, public: bool, login: Login | None) -> Login | None:
        """With which login to read what was resolved."""
        ...

    def manifest(self, repository: str, digest: str, login: Login | None) -> FetchedManifest:
        """The manifest or index of this digest."""
        ...

    def platform_manifest(
        self, repository: str, digest: str, wanted: Architecture, login: Login | None
    ) -> PlatformManifest:
        """The manifest that is right for *wanted*, with its configuration."""
        ...

    def blobs(self, repository: str, login: Login | None) -> BlobSource:
        """The blobs of a repository, read with *login*."""
        ...
