"""Whose login a fetch borrows, and whom a refusal concerns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Self

import pytest
from pydantic import SecretStr

from imagegw.domain.conversion import ConversionOptions
from imagegw.domain.oci import Architecture, Descriptor, parse_as_manifest, parse_image_config
from imagegw.domain.records import Artifact, Failure, Image, Pull, Rounds, Source
from imagegw.domain.reference import Reference
from imagegw.domain.status import ArtifactState, ImageState, PullStatus, Step
from imagegw.domain.work import due
from imagegw.errors import (
    GatewayError,
    ImageTooLarge,
    LoginUnusable,
    ManifestUnknown,
    RegistryDenied,
    RegistryFailed,
)
from imagegw.mongo.memory import MemoryDatabase
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.performing import Performed, Result, record, run, take
from imagegw.registry.blobs import BlobStream
from imagegw.registry.found import FetchedManifest, PlatformManifest, Resolved
from imagegw.registry.settings import LocationSettings, Login
from imagegw.store.directory import DirectoryStore
from imagegw_puller.fetch import FetchLimits
from imagegw_puller.step import Puller

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Source(location="", repository="team/app")
SITE = Login(user="site", password="s")
DENIED = RegistryDenied("you may not read team/app")


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


LAYER = b"a layer"
CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest_of(LAYER)]}}
).encode()


def _described(body: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(body), "size": len(body)}


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _described(CONFIG, "application/vnd.oci.image.config.v1+json"),
        "layers": [_described(LAYER, "application/vnd.oci.image.layer.v1.tar")],
    }
).encode()


class Bytes:
    """A blob's stream that never breaks."""

    offset = 0

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def chunks(self) -> list[bytes]:
        return [self._body]

    def interrupt(self) -> None: ...


@dataclass
class Blobs:
    """Blobs as one account sees them."""

    refusal: GatewayError | None

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> BlobStream:
        assert offset == 0
        if self.refusal is not None:
            raise self.refusal
        return Bytes(LAYER if descriptor.digest == digest_of(LAYER) else CONFIG)  # type: ignore[return-value]


@dataclass
class FakeRegistry:
    """A registry that has one image and refuses whom it is told to; remembers who asked (None: anonymous)."""

    refusals: dict[str | None, GatewayError] = field(default_factory=dict)
    blob_refusals: dict[str | None, GatewayError] = field(default_factory=dict)
    site_login: Login | None = None
    asked: list[str | None] = field(default_factory=list)
    when_asked: Callable[[], None] = lambda: None

    @property
    def settings(self) -> LocationSettings:
        return LocationSettings(name="", url="https://registry.example", site_login=self.site_login)

    def resolve(self, reference: Reference, login: Login | None) -> Resolved:
        raise NotImplementedError

    def reading_login(self, *, public: bool, login: Login | None) -> Login | None:
        return self.site_login if public else login

    def manifest(self, repository: str, digest: str, login: Login | None) -> FetchedManifest:
        raise NotImplementedError

    def platform_manifest(
        self, _repository: str, _digest: str, _wanted: Architecture, login: Login | None
    ) -> PlatformManifest:
        user = None if login is None else login.user
        self.asked.append(user)
        self.when_asked()
        if user in self.refusals:
            raise self.refusals[user]
        return PlatformManifest(
            digest=digest_of(MANIFEST),
            body=MANIFEST,
            manifest=parse_as_manifest(MANIFEST),
            config=parse_image_config(CONFIG),
        )

    def blobs(self, _repository: str, login: Login | None) -> Blobs:
        return Blobs(self.blob_refusals.get(None if login is None else login.user))


@dataclass
class FakeLogins:
    """Each pull's login is its own id; but for those that cannot be read."""

    unusable: set[str] = field(default_factory=set)

    def read(self, pull_id: str, _location: str) -> SecretStr | None:
        if pull_id in self.unusable:
            raise LoginUnusable(f"the login of {pull_id} cannot be read")
        return SecretStr(f"{pull_id}:secret")


class Scene:
    """One artifact that is to be fetched, and those who wait for it."""

    def __init__(self, root: Path) -> None:
        self.registry = FakeRegistry()
        self.logins = FakeLogins()
        self.limits = FetchLimits()
        self.store = DirectoryStore(root)
        numbers = count()
        self.desk = Desk(
            database=MemoryDatabase(),
            now=lambda: NOW,
            new_id=lambda: f"id{next(numbers)}",
            host="host/1",
            announce=lambda *_: None,
        )
        self.desk.insert(
            Artifact(
                id="a",
                state=ArtifactState.FETCH,
                source=HERE,
                manifest_digest=digest_of(MANIFEST),
                format="squashfs",
                options={},
                used_at=NOW,
                work=due(Step.FETCH, NOW),
            )
        )
        self.desk.insert(self._image(ImageState.WANTED, restoring=False))

    def _image(self, state: ImageState, *, restoring: bool) -> Image:
        return Image(
            id="p:i", platform="p", image_id="i", state=state, artifact="a", is_restoring=restoring, public=False
        )

    def restoring(self) -> None:
        """The platform has lost the file; nobody asks for it."""
        self.desk.database.images.delete({})
        self.desk.insert(self._image(ImageState.WANTED, restoring=True))

    def add(self, name: str, *, public: bool = False, platform: str = "p", source: Source = HERE) -> None:
        """A live pull that waits for the artifact; later ones are younger."""
        age = self.desk.database.pulls.count({})
        pull = Pull(
            id=name,
            platform=platform,
            type="docker",
            tag="app:1",
            uid=age,
            gid=1,
            user=name,
            status=PullStatus.PULLING,
            live=True,
            created=NOW + timedelta(seconds=age),
            admitted=NOW,
            deadline=NOW + timedelta(days=1),
            source=source,
            public=public,
            artifact="a",
            image="p:i",
            rounds=Rounds(artifact=1, image=1, acl=1),
        )
        self.desk.insert(pull)

    def fetch(self) -> Performed:
        """The fetch step, from claim to record."""
        held = take(self.desk, Artifact, "a", [Step.FETCH])
        assert held is not None
        puller = Puller(
            registries={"": self.registry},
            default_location="",
            architectures={"p": Architecture(architecture="amd64", variant=None)},
            logins=self.logins,
            options=ConversionOptions(),
            store=self.store,
            limits=self.limits,
            large_image_bytes=1 << 30,
        )
        ending, performed = run(held, puller.fetch, jitter=0.0)
        record(held, ending, timedelta(days=1))
        return performed

    @property
    def artifact(self) -> Artifact:
        found = self.desk.read(Artifact, "a")
        assert found is not None
        return found

    @property
    def image(self) -> Image:
        found = self.desk.read(Image, "p:i")
        assert found is not None
        return found

    def error(self, name: str) -> Failure | None:
        """Why the pull has ended, if it has."""
        pull = self.desk.read(Pull, name)
        assert pull is not None
        assert pull.live is (True if pull.error is None else None)
        return pull.error

    def code(self, name: str) -> str | None:
        error = self.error(name)
        return None if error is None else error.code


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "store")


def test_the_login_of_the_oldest_pull_is_borrowed(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.fetch()

    assert scene.registry.asked == ["ann"]
    assert scene.artifact.state is ArtifactState.CONVERT
    assert all(scene.store.has(digest_of(body)) for body in (MANIFEST, CONFIG, LAYER))


def test_a_refused_login_fails_its_own_pull_and_the_next_is_tried(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.registry.refusals["ann"] = DENIED
    scene.fetch()

    assert scene.registry.asked == ["ann", "bob"]
    assert (scene.code("ann"), scene.code("bob")) == ("registry_denied", None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_login_that_is_refused_in_mid_fetch_fails_its_own_pull_too(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.registry.blob_refusals["ann"] = DENIED
    scene.fetch()

    assert (scene.code("ann"), scene.code("bob")) == ("registry_denied", None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_repository_that_is_hidden_from_one_is_not_hidden_from_the_next(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.registry.refusals["ann"] = ManifestUnknown("team/app has no such manifest")
    scene.fetch()

    assert (scene.code("ann"), scene.code("bob")) == ("manifest_unknown", None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_pull_whose_platform_has_left_the_configuration_fails_alone(scene: Scene) -> None:
    scene.add("ann", platform="gone")
    scene.add("bob")
    scene.fetch()

    assert (scene.code("ann"), scene.code("bob")) == ("platform_removed", None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_pull_whose_location_has_left_the_configuration_fails_alone(scene: Scene) -> None:
    scene.add("ann", source=Source(location="gone", repository="team/app"))
    scene.add("bob")
    scene.fetch()

    assert (scene.code("ann"), scene.code("bob")) == ("registry_forbidden", None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_login_that_cannot_be_read_is_passed_over(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.logins.unusable = {"ann"}
    scene.fetch()

    assert scene.registry.asked == ["bob"]
    assert (scene.code("ann"), scene.code("bob")) == (None, None)
    assert scene.artifact.state is ArtifactState.CONVERT


def test_when_no_login_can_be_read_the_step_is_put_off(scene: Scene) -> None:
    scene.add("ann")
    scene.logins.unusable = {"ann"}

    assert scene.fetch().result is Result.PUT_OFF
    assert scene.code("ann") is None


def test_a_public_image_needs_no_login_of_a_user(scene: Scene) -> None:
    scene.add("ann", public=True)
    scene.logins.unusable = {"ann"}
    scene.registry.site_login = SITE
    scene.fetch()

    assert scene.registry.asked == ["site"]


def test_the_sites_login_never_reads_a_private_image(scene: Scene) -> None:
    scene.add("ann")
    scene.registry.site_login = SITE
    scene.registry.refusals["ann"] = DENIED
    scene.fetch()

    assert scene.registry.asked == ["ann"]
    assert not scene.store.has(digest_of(LAYER))


def test_when_all_are_refused_the_artifact_rests(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.registry.refusals = {"ann": DENIED, "bob": DENIED}
    performed = scene.fetch()

    assert performed.result is Result.DONE
    assert (scene.code("ann"), scene.code("bob")) == ("registry_denied", "registry_denied")
    assert (scene.artifact.state, scene.artifact.work) == (ArtifactState.IDLE, None)


def test_without_anybody_who_waits_no_registry_is_asked(scene: Scene) -> None:
    scene.fetch()

    assert scene.registry.asked == []
    assert scene.artifact.state is ArtifactState.IDLE


def test_a_pull_that_comes_while_the_last_login_is_refused_is_tried_too(scene: Scene) -> None:
    scene.add("ann")
    scene.registry.refusals["ann"] = DENIED
    scene.registry.when_asked = lambda: scene.add("bob") if scene.registry.asked == ["ann"] else None
    scene.fetch()

    assert scene.registry.asked == ["ann", "bob"]
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_lost_file_is_fetched_on_nobodys_behalf(scene: Scene) -> None:
    scene.restoring()
    scene.fetch()

    assert scene.registry.asked == [None]
    assert scene.artifact.state is ArtifactState.CONVERT


def test_a_lost_file_that_nobody_may_fetch_is_given_up_with_the_reason(scene: Scene) -> None:
    scene.restoring()
    scene.registry.refusals[None] = DENIED
    scene.fetch()

    assert scene.image.state is ImageState.EXPIRED
    assert scene.image.error is not None
    assert scene.image.error.code == "registry_denied"
    assert scene.artifact.state is ArtifactState.IDLE


def test_a_pulls_login_restores_what_nobody_else_may_fetch(scene: Scene) -> None:
    scene.restoring()
    scene.add("ann")
    scene.fetch()

    assert scene.registry.asked == ["ann"]


def test_a_registry_that_fails_is_nobodys_fault(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.registry.refusals["ann"] = RegistryFailed("it says 500")

    assert scene.fetch().result is Result.PUT_OFF
    assert (scene.code("ann"), scene.code("bob")) == (None, None)


def test_what_is_wrong_with_the_image_itself_fails_all_who_wait(scene: Scene) -> None:
    scene.add("ann")
    scene.add("bob")
    scene.limits = FetchLimits(layer_bytes=1)
    performed = scene.fetch()

    assert isinstance(performed.error, ImageTooLarge)
    assert scene.artifact.state is ArtifactState.FAILED
    assert (scene.code("ann"), scene.code("bob")) == ("image_too_large", "image_too_large")
