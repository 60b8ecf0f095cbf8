"""The steps of the services, with their input and output imagined."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from imagegw.domain import artifacts, images
from imagegw.domain.artifacts import Making
from imagegw.domain.images import Delivery, Placing
from imagegw.domain.patch import Patch
from imagegw.domain.pulls import Link, end_resolve
from imagegw.domain.records import Artifact, BlobRef, DeliveredFile, FileRef, Image, Pull, RunConfig, Source
from imagegw.domain.status import ArtifactState, Step
from imagegw.errors import ManifestInvalid
from imagegw.pipeline import following, joining
from imagegw.pipeline.performing import Held, StepFunction
from tests.unit.interleavings.explorer import Operation
from tests.unit.interleavings.gateway import KEY, PLATFORM, REMOVAL_DELAY, Gateway


def steps(gateway: Gateway) -> dict[Step, StepFunction]:
    """What each step does, by its name."""
    return {
        Step.RESOLVE: partial(_resolve, gateway),
        Step.FETCH: partial(_fetch, gateway),
        Step.CONVERT: partial(_convert, gateway),
        Step.DELIVER: partial(_deliver, gateway),
        Step.REMOVE: partial(_remove, gateway),
    }


def _resolve(gateway: Gateway, held: Held[Pull]) -> Callable[[Pull], Patch | None]:
    digest = gateway.digest
    source = Source(location="", repository="library/app")
    making = Making(
        key=f"{KEY}{digest}",
        source=source,
        manifest_digest=f"sha256:m{digest}",
        format="squashfs",
        options={},
    )
    placing = Placing(
        platform=PLATFORM, image_id=digest, artifact=making.key, manifest_digest=making.manifest_digest
    )
    link = Link(
        source=source,
        digest=f"sha256:{digest}",
        manifest_digest=making.manifest_digest,
        public=gateway.is_public,
        resolved_at=gateway.clock,
        artifact=making.key,
        image=f"{PLATFORM}:{digest}",
    )
    wished = held.record.wish
    rounds = joining.join(held.desk, held.record.id, held.claim, link, making, placing)
    return lambda pull: end_resolve(pull, rounds, wished=wished, now=gateway.clock)


def _fetch(gateway: Gateway, held: Held[Artifact]) -> Callable[[Artifact], Patch | None]:
    artifact = held.record
    if not following.is_awaited(held.desk, artifact.id):
        return following.rest(held.desk, held.work)
    if gateway.is_manifest_bad and artifact.round == 1:
        raise ManifestInvalid("bad")
    layer = BlobRef(digest="sha256:l", size_bytes=1, media_type="tar")
    return lambda _: artifacts.end_fetch([layer], RunConfig(), large=False, now=gateway.clock)


def _convert(gateway: Gateway, _held: Held[Artifact]) -> Callable[[Artifact], Patch | None]:
    file = FileRef(digest="sha256:f", size_bytes=1)
    return lambda _: artifacts.end_convert(file, {}, None, examine=False, now=gateway.clock)


def _in_lease(gateway: Gateway, held: Held[Image], act: Callable[[], object]) -> None:
    """Look at the claim, then act at once: a claim outlasts the moment between the two."""

    def check_and_act() -> None:
        held.check()
        act()

    operation = Operation(
        kind="files", identity=held.record.image_id, is_write=True, writes_too=frozenset({"images"})
    )
    gateway.operations.step(operation, check_and_act)


def _deliver(gateway: Gateway, held: Held[Image]) -> Callable[[Image], Patch | None]:
    image, files, metas = held.record, gateway.platform.files, gateway.platform.metas
    if image.image_id not in files:
        artifact = held.desk.read(Artifact, image.artifact)
        if artifact is None or artifact.state is not ArtifactState.MADE:
            return lambda _: images.wait_for_artifact(image)
        _in_lease(gateway, held, lambda: files.setdefault(image.image_id, held.claim))
    _in_lease(gateway, held, lambda: metas.__setitem__(image.image_id, image.acl_wanted))
    done = Delivery(
        pin=FileRef(digest="sha256:f", size_bytes=1),
        file=DeliveredFile(size_bytes=1, mtime_s=0.0),
        acl=image.acl_wanted,
        acl_version=image.acl_wanted_version,
        run_config=None,
        remarks=(),
    )
    return lambda current: images.end_deliver(current, done, gateway.clock)


def _remove(gateway: Gateway, held: Held[Image]) -> Callable[[Image], Patch | None]:
    image, files, metas = held.record, gateway.platform.files, gateway.platform.metas
    if not image.is_meta_removed:
        _in_lease(gateway, held, lambda: metas.pop(image.image_id, None))
        return lambda current: images.end_remove_meta(current, REMOVAL_DELAY, gateway.clock)
    _in_lease(gateway, held, lambda: files.pop(image.image_id, None))
    return lambda current: images.end_remove_file(current, gateway.clock)
