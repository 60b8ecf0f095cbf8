"""The OCI distribution client: what a reference means, who may read it, its manifests and blobs.

Written beside the distribution specification (opencontainers/distribution-spec, ``spec.md``, "Pull").
What a tag means and who may read it, only the registry itself says. What is named by a digest may come from
a mirror too, since wrong bytes are noticed; a user's login goes to no mirror.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

import requests

from imagegw.domain.digests import digest_of, is_digest
from imagegw.domain.manifests import (
    ACCEPT,
    check_architecture,
    check_config,
    choose_manifest,
    media_type_of,
    parse_manifest,
    refuse_media_type,
)
from imagegw.domain.oci import (
    FOREIGN_LAYER_TYPES,
    Architecture,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    parse_image_config,
)
from imagegw.domain.reference import Reference
from imagegw.errors import (
    BlobCorrupt,
    ManifestInvalid,
    ManifestUnknown,
    RegistryDenied,
    RegistryMisbehaved,
)
from imagegw.registry.blobs import READABLE, BlobSource, BlobStream, ResponseStream, range_header
from imagegw.registry.body import read_limited
from imagegw.registry.budget import Budget
from imagegw.registry.foreign import ForeignSource
from imagegw.registry.found import FetchedManifest, PlatformManifest, Resolved
from imagegw.registry.requester import Question, Requester
from imagegw.registry.retrying import retrying
from imagegw.registry.settings import InPlaceRetry, LocationSettings, Login
from imagegw.registry.transport import Transport


class RegistryClient:
    """A client of one location; made once a process, safe for several threads."""

    def __init__(
        self,
        settings: LocationSettings,
        *,
        retry: InPlaceRetry,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self._retry = retry
        self._monotonic = monotonic
        self._transport = Transport(settings)
        self._requester = Requester(settings, self._transport, monotonic=monotonic, now=now)
        self._foreign = ForeignSource(settings, self._transport, monotonic=monotonic, now=now)

    def resolve(self, reference: Reference, login: Login | None) -> Resolved:
        """The digest that *reference* means now, and whether anybody may read it: this is the access check.

        Asked anonymously first, and only if that is refused with *login*. One HEAD for a public image, two
        for a private one, when tokens are at hand.

        Raises:
            RegistryDenied: neither may read it, or there is no such repository: registries do not tell.
            ManifestUnknown: the registry has no such image.
            SchemaOneRefused, NotAnImage: it is nothing that the gateway takes.
            RegistryForbidden: the site does not allow the repository.
        """
        self.settings.check_repository(reference.repository)
        try:
            return retrying(self._retry)(self._resolve_as, reference, None, public=True)
        except (RegistryDenied, ManifestUnknown):
            # Some registries hide a private repository from strangers by saying that there is none.
            if login is None:
                raise
        return retrying(self._retry)(self._resolve_as, reference, login, public=False)

    def reading_login(self, *, public: bool, login: Login | None) -> Login | None:
        """With which login to read what was resolved: the site's own one for what anybody may read."""
        return self.settings.site_login if public else login

    def manifest(self, repository: str, digest: str, login: Login | None) -> FetchedManifest:
        """The manifest or index of this digest.

        Raises:
            BlobCorrupt: the bytes have another digest.
            ManifestInvalid, ManifestTooLarge: it is broken.
            NotAnImage, SchemaOneRefused: it is nothing that the gateway takes.
        """
        body, content_type = retrying(self._retry)(self._read_manifest, repository, digest, login)
        if digest_of(body, like=digest) != digest:
            raise BlobCorrupt(f"expected a manifest of the digest {digest}, found other bytes")
        return FetchedManifest(digest=digest, body=body, parsed=parse_manifest(body, content_type))

    def platform_manifest(
        self, repository: str, digest: str, wanted: Architecture, login: Login | None
    ) -> PlatformManifest:
        """The manifest below *digest* that is right for *wanted*, with its configuration.

        Raises:
            NoMatchingPlatform: there is none; the message says what there is.
            ManifestInvalid: indexes stand in each other too deep, or manifest and configuration disagree.
        """
        found = self.manifest(repository, digest, login)
        for _ in range(self.settings.limits.index_depth):
            if isinstance(found.parsed, Manifest):
                break
            found = self.manifest(repository, choose_manifest(found.parsed, wanted).digest, login)
        manifest = found.parsed
        if isinstance(manifest, Index):
            raise ManifestInvalid(f"{digest}: indexes stand in each other deeper than any tool writes them")
        config = self.image_config(repository, manifest.config, login)
        check_architecture(config, wanted)
        check_config(config, manifest)
        return PlatformManifest(digest=found.digest, body=found.body, manifest=manifest, config=config)

    def image_config(self, repository: str, descriptor: Descriptor, login: Login | None) -> ImageConfig:
        """The configuration that a manifest names."""
        limit = self.settings.limits.config_bytes
        if descriptor.size_bytes > limit:
            raise ManifestInvalid(
                f"expected a configuration of at most {limit} bytes, found {descriptor.size_bytes}"
            )
        if descriptor.data is not None:
            body = descriptor.data
        else:
            body = retrying(self._retry)(self._read_small_blob, repository, descriptor, login)
        if len(body) != descriptor.size_bytes or digest_of(body, like=descriptor.digest) != descriptor.digest:
            raise BlobCorrupt(f"expected a configuration of the digest {descriptor.digest}, found other bytes")
        return parse_image_config(body)

    def blobs(self, repository: str, login: Login | None) -> BlobSource:
        """The blobs of a repository, read with *login*."""
        return _Repository(self, repository, login)

    def open_blob(self, repository: str, descriptor: Descriptor, offset: int, login: Login | None) -> BlobStream:
        """See :meth:`imagegw.registry.blobs.BlobSource.open_blob`; tried once, since readers resume."""
        if descriptor.urls and descriptor.media_type in FOREIGN_LAYER_TYPES:
            return self._foreign.open_blob(descriptor, offset)
        return self._open(repository, descriptor, offset, login)

    def budget(self, login: Login | None) -> Budget | None:
        """What the registry last said is left of this account's allowance; None if it said nothing."""
        return self._requester.budget(login)

    def close(self) -> None:
        """Ends the connections that are kept open."""
        self._transport.close()

    def _resolve_as(self, reference: Reference, login: Login | None, *, public: bool) -> Resolved:
        question = _manifest_question(
            "HEAD", reference.repository, reference.wanted, good=frozenset({200, 405, 501})
        )
        with self._requester.ask(question, login) as response:
            media_type = media_type_of(response.headers.get("Content-Type"))
            digest = response.headers.get("Docker-Content-Digest", "")
            size = response.headers.get("Content-Length", "")
            status = response.status_code
        if status != HTTPStatus.OK or not is_digest(digest):
            return self._resolve_by_get(reference, login, public=public)
        if reference.digest is not None and digest != reference.digest:
            raise RegistryMisbehaved(f"asked for {reference.digest}, the registry answers with {digest}")
        refuse_media_type(media_type)
        size_bytes = int(size[:19]) if size.isdigit() else None
        return Resolved(digest=digest, media_type=media_type, size_bytes=size_bytes, public=public)

    def _resolve_by_get(self, reference: Reference, login: Login | None, *, public: bool) -> Resolved:
        """For registries that do not tell the digest in an answer to HEAD, which they need not."""
        question = _manifest_question("GET", reference.repository, reference.wanted)
        with self._requester.ask(question, login) as response:
            media_type = media_type_of(response.headers.get("Content-Type"))
            body = self._read_body(response, reference.wanted)
        digest = digest_of(body, like=reference.digest or "sha256:")
        if reference.digest is not None and digest != reference.digest:
            raise BlobCorrupt(f"expected a manifest of the digest {reference.digest}, found other bytes")
        refuse_media_type(media_type)
        return Resolved(digest=digest, media_type=media_type, size_bytes=len(body), public=public)

    def _read_manifest(self, repository: str, digest: str, login: Login | None) -> tuple[bytes, str | None]:
        question = _manifest_question("GET", repository, digest)
        with self._requester.ask_for_content(question, login) as response:
            return self._read_body(response, digest), response.headers.get("Content-Type")

    def _read_body(self, response: requests.Response, name: str) -> bytes:
        limit = self.settings.limits.manifest_bytes
        return read_limited(response, self.settings, self._monotonic, limit=limit, what=f"the manifest {name}")

    def _read_small_blob(self, repository: str, descriptor: Descriptor, login: Login | None) -> bytes:
        """The blob's bytes, or one chunk more than it may have."""
        body = bytearray()
        with self.open_blob(repository, descriptor, 0, login) as stream:
            for chunk in stream.chunks():
                body += chunk
                if len(body) > descriptor.size_bytes:
                    break
        return bytes(body)

    def _open(self, repository: str, descriptor: Descriptor, offset: int, login: Login | None) -> BlobStream:
        question = Question(
            method="GET",
            repository=repository,
            path=f"blobs/{descriptor.digest}",
            what=f"the blob {descriptor.digest}",
            headers=range_header(descriptor, offset),
            good=READABLE | {416},
        )
        try:
            response = self._requester.ask_for_content(question, login)
        except ManifestUnknown as error:
            raise RegistryMisbehaved(f"the registry has the manifest but not its blob: {error.sentence}") from error
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            response.close()
            return self._open(repository, descriptor, 0, login)
        try:
            return ResponseStream(
                response,
                descriptor,
                offset,
                settings=self.settings,
                monotonic=self._monotonic,
            )
        except BaseException:
            response.close()
            raise


class _Repository:
    """A repository's blobs as one login sees them."""

    def __init__(self, client: RegistryClient, repository: str, login: Login | None) -> None:
        self._client = client
        self._repository = repository
        self._login = login

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> BlobStream:
        return self._client.open_blob(self._repository, descriptor, offset, self._login)


def _manifest_question(
    method: str, repository: str, wanted: str, *, good: frozenset[int] = frozenset({200})
) -> Question:
    return Question(
        method=method,
        repository=repository,
        path=f"manifests/{wanted}",
        what=f"the manifest {repository}{'@' if is_digest(wanted) else ':'}{wanted}",
        headers={"Accept": ACCEPT},
        good=good,
    )
