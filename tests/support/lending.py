"""An artifact that is to be fetched, those who wait for it, and a registry that refuses whom a test says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from imagegw.domain.conversion import ConversionOptions
from imagegw.domain.oci import Architecture, Descriptor, parse_as_manifest, parse_image_config
from imagegw.domain.records import Artifact, Failure, Image, Pull, Rounds, Source
from imagegw.domain.reference import Reference
from imagegw.domain.status import ArtifactState, ImageState, PullStatus, Step
from imagegw.domain.work import due
from imagegw.errors import (
    GatewayError,
    LoginUnusable,
)
from imagegw.mongo.memory import MemoryDatabase
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.performing import Performed, record, run, take
from imagegw.registry.blobs import BlobStream
from imagegw.registry.found import FetchedManifest, PlatformManifest, Resolved
from imagegw.registry.settings import LocationSettings, Login
from imagegw.store.directory import DirectoryStore
from imagegw_puller.fetch import FetchLimits
from imagegw_puller.step import Puller

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Source(location="", repository="team/app")
SITE = Login(user="site", password="s")


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
