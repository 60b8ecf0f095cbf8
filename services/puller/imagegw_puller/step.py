"""The puller's two steps: resolve, which is the access check, and fetch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from imagegw.domain import artifacts
from imagegw.domain.artifact_key import artifact_key
from imagegw.domain.artifacts import Making
from imagegw.domain.conversion import ConversionOptions
from imagegw.domain.images import Placing
from imagegw.domain.manifests import choose_manifest
from imagegw.domain.oci import Architecture, Descriptor, ImageConfig, Index
from imagegw.domain.pulls import Link, end_resolve
from imagegw.domain.records import Artifact, BlobRef, Image, Pull, RunConfig, Source, image_key
from imagegw.domain.reference import Reference, parse_reference
from imagegw.errors import (
    GatewayError,
    LoginUnusable,
    ManifestInvalid,
    ManifestUnknown,
    PlatformRemoved,
    RegistryDenied,
    RegistryForbidden,
)
from imagegw.mongo.change import Decide
from imagegw.pipeline.following import end_pull, give_up_restorings, rest, waiting_pulls
from imagegw.pipeline.joining import join
from imagegw.pipeline.performing import Held
from imagegw.registry.found import PlatformManifest, Resolved
from imagegw.registry.settings import Login
from imagegw.retry import failure_of
from imagegw.store.port import Store
from imagegw_puller.fetch import FetchLimits, fetch
from imagegw_puller.registry import Registry

_ONES_OWN = (RegistryDenied, RegistryForbidden, ManifestUnknown, PlatformRemoved)
"""What one pull's login, repository or platform is refused says nothing of the other pulls'. Registries hide a
repository from those who may not read it by saying that it has no such manifest."""


class Logins(Protocol):
    """Whose login a pull brought."""

    def read(self, pull_id: str, location: str) -> SecretStr | None:
        """The login (`user:password`) that came with the pull for *location*, or None."""
        ...


@dataclass(frozen=True, kw_only=True)
class Puller:
    """Resolves references and fetches images, with the site's registries, store and limits."""

    registries: Mapping[str, Registry]
    default_location: str
    architectures: Mapping[str, Architecture]
    """By platform."""
    logins: Logins
    options: ConversionOptions
    store: Store
    limits: FetchLimits
    large_image_bytes: int

    # --- resolve ---

    def resolve(self, held: Held[Pull]) -> Decide[Pull]:
        """HEAD the manifest anonymously, and if that is refused with the requester's own login.

        An image that stands on the platform already is not asked for further: it knows its manifest.
        """
        pull = held.record
        wanted = self._architecture(pull.platform)
        reference = parse_reference(
            pull.tag, locations=self.registries.keys(), default_location=self.default_location
        )
        registry = self.registries[reference.location]
        login = self._login(pull, reference.location)
        resolved_at = held.desk.now()
        resolved = registry.resolve(reference, login)
        image_id = resolved.digest.partition(":")[2]
        known = held.desk.read(Image, image_key(pull.platform, image_id))
        manifest_digest = None if known is None else known.manifest_digest
        if manifest_digest is None:
            reading = registry.reading_login(public=resolved.public, login=login)
            manifest_digest = _manifest_below(registry, reference, resolved, wanted, reading)
        link = Link(
            source=Source(location=reference.location, repository=reference.repository),
            digest=resolved.digest,
            manifest_digest=manifest_digest,
            public=resolved.public,
            resolved_at=resolved_at,
            artifact=artifact_key(manifest_digest, self.options),
            image=image_key(pull.platform, image_id),
        )
        rounds = join(held.desk, pull.id, held.claim, link, self._making(link), _placing(pull, image_id, link))
        return lambda current: end_resolve(current, rounds, wished=pull.wish, now=held.desk.now())

    def _making(self, link: Link) -> Making:
        return Making(
            key=link.artifact,
            source=link.source,
            manifest_digest=link.manifest_digest,
            format=self.options.format,
            options=dict(self.options.that_change_bytes()),
        )

    def _login(self, pull: Pull, location: str) -> Login | None:
        kept = self.logins.read(pull.id, location)
        if kept is None:
            return None
        user, _, password = kept.get_secret_value().partition(":")
        return Login(user=user, password=password)

    def _architecture(self, platform: str) -> Architecture:
        if platform not in self.architectures:
            raise PlatformRemoved(f"the platform {platform} is not in the gateway's configuration any more")
        return self.architectures[platform]

    def _registry(self, location: str) -> Registry:
        if location not in self.registries:
            raise RegistryForbidden(f"the location {location!r} is not in the gateway's configuration any more")
        return self.registries[location]

    # --- fetch ---

    def fetch(self, held: Held[Artifact]) -> Decide[Artifact]:
        """Configuration and layers into the store, with the login of any pull that waits.

        A login that is refused fails its own pull, and the next one is tried; one that cannot be read is passed
        over. When nobody is left the artifact rests.
        """
        unusable: LoginUnusable | None = None
        for lender in self._lenders(held):
            try:
                return self._fetch_for(held, lender)
            except LoginUnusable as error:
                unusable = error
            except _ONES_OWN as refused:
                _refuse(held, lender, refused)
        if unusable is not None:
            raise unusable
        return rest(held.desk, held.work)

    def _lenders(self, held: Held[Artifact]) -> Iterator[_Lender]:
        """Who waits, pulls first; asked anew after each, since pulls come and go meanwhile."""
        seen: set[str] = set()
        while True:
            waiting = [p for p in waiting_pulls(held.desk, held.record.id) if p.id not in seen]
            if not waiting:
                break
            pull = waiting[0]
            seen.add(pull.id)
            source = held.record.source if pull.source is None else pull.source
            yield _Lender(pull=pull, platform=pull.platform, source=source, public=bool(pull.public))
        for image in held.desk.find(Image, {"artifact": held.record.id, "is_restoring": True}, limit=1):
            yield _Lender(pull=None, platform=image.platform, source=held.record.source, public=True)

    def _fetch_for(self, held: Held[Artifact], lender: _Lender) -> Decide[Artifact]:
        source = lender.source
        registry = self._registry(source.location)
        own = None if lender.pull is None or lender.public else self._login(lender.pull, source.location)
        login = registry.reading_login(public=lender.public, login=own)
        wanted = self._architecture(lender.platform)
        found = registry.platform_manifest(source.repository, held.record.manifest_digest, wanted, login)
        config, layers = _blob_refs(found)
        held.change(lambda _: artifacts.list_blobs(config, layers))
        self.store.put(found.digest, len(found.body), [found.body])
        fetch(
            [found.manifest.config, *found.manifest.layers],
            source=registry.blobs(source.repository, login),
            store=self.store,
            claim=held.claim,
            progress=held.report,
            limits=self.limits,
        )
        compressed = sum(layer.size_bytes for layer in layers)
        return lambda _: artifacts.end_fetch(
            layers,
            _run_config(found.config),
            large=compressed > self.large_image_bytes,
            now=held.desk.now(),
        )


@dataclass(frozen=True, kw_only=True)
class _Lender:
    """On whose behalf the registry is asked; without a pull on nobody's."""

    pull: Pull | None
    platform: str
    source: Source
    public: bool


def _refuse(held: Held[Artifact], lender: _Lender, refused: GatewayError) -> None:
    if lender.pull is None:
        give_up_restorings(held.desk, held.record.id, failure_of(refused))
    else:
        end_pull(held.desk, lender.pull.id, failure_of(refused))


def _manifest_below(
    registry: Registry, reference: Reference, resolved: Resolved, wanted: Architecture, login: Login | None
) -> str:
    """The digest of the platform's manifest: the reference's own, or one that its index names."""
    digest = resolved.digest
    for _ in range(registry.settings.limits.index_depth + 1):
        found = registry.manifest(reference.repository, digest, login)
        if not isinstance(found.parsed, Index):
            return digest
        digest = choose_manifest(found.parsed, wanted).digest
    raise ManifestInvalid(f"{resolved.digest}: indexes stand in each other deeper than any tool writes them")


def _placing(pull: Pull, image_id: str, link: Link) -> Placing:
    return Placing(
        platform=pull.platform,
        image_id=image_id,
        artifact=link.artifact,
        manifest_digest=link.manifest_digest,
    )


def _blob_refs(found: PlatformManifest) -> tuple[BlobRef, tuple[BlobRef, ...]]:
    """Configuration and layers as the database keeps them."""
    diff_ids = found.config.rootfs.diff_ids
    layers = zip(found.manifest.layers, diff_ids, strict=True)
    return _blob_ref(found.manifest.config, None), tuple(_blob_ref(layer, diff_id) for layer, diff_id in layers)


def _blob_ref(descriptor: Descriptor, diff_id: str | None) -> BlobRef:
    return BlobRef(
        digest=descriptor.digest,
        size_bytes=descriptor.size_bytes,
        media_type=descriptor.media_type,
        diff_id=diff_id,
        urls=descriptor.urls,
    )


def _run_config(config: ImageConfig) -> RunConfig:
    run = config.config
    return RunConfig(
        env=run.env,
        entrypoint=run.entrypoint,
        cmd=run.cmd,
        workdir=run.working_dir,
        labels=tuple(run.labels.items()),
    )
