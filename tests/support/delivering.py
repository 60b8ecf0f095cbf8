"""A store, a platform's directory and a database in memory, with the real desk, pipeline and shipper between."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from imagegw.domain import images
from imagegw.domain.acl import Acl
from imagegw.domain.files import Names
from imagegw.domain.patch import Patch
from imagegw.domain.progress import ReportProgress, ignore_progress
from imagegw.domain.records import Artifact, FileRef, Image, RunConfig, Source
from imagegw.domain.status import ArtifactState, ImageState, Step
from imagegw.domain.work import due
from imagegw.mongo.memory import MemoryDatabase
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.performing import Held, Performed, record, run, take
from imagegw.store.directory import DirectoryStore
from imagegw_shipper.step import Shipper
from imagegw_shipper.transports.local import LocalTransport
from imagegw_shipper.transports.port import Transport

START = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIME = timedelta(days=90)
DELAY = timedelta(days=1)
PLATFORM = "mycluster"
IMAGE_ID = "ab" * 32
KEY = f"{PLATFORM}:{IMAGE_ID}"
NAMES = Names(IMAGE_ID)
RUN = RunConfig(env=("PATH=/bin",), entrypoint=("/bin/app",), workdir="/srv")


def squashfs(body: bytes = b"", *, used: int | None = None) -> bytes:
    """Bytes that begin like a squashfs 4.0 file; *used* is the length that the superblock claims."""
    head = bytearray(96)
    head[:4] = b"hsqs"
    struct.pack_into("<HH", head, 28, 4, 0)
    struct.pack_into("<Q", head, 40, 96 + len(body) if used is None else used)
    return bytes(head) + body


def ref_of(content: bytes) -> FileRef:
    """What a file of that content is called."""
    return FileRef(digest=f"sha256:{hashlib.sha256(content).hexdigest()}", size_bytes=len(content))


@dataclass
class Site:
    """One gateway and one platform."""

    store_dir: Path
    image_dir: Path
    clock: datetime = START
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    transport: Transport | None = None
    ids: Callable[[], str] = field(default_factory=lambda: (f"{n:032x}" for n in count(1)).__next__)

    @property
    def store(self) -> DirectoryStore:
        return DirectoryStore(self.store_dir)

    @property
    def desk(self) -> Desk:
        return Desk(
            database=self.database, now=lambda: self.clock, new_id=self.ids, host="host/1", announce=lambda *_: None
        )

    @property
    def shipper(self) -> Shipper:
        transport = LocalTransport(self.image_dir) if self.transport is None else self.transport
        return Shipper(transports={PLATFORM: transport}, store=self.store, removal_delay=DELAY)

    @property
    def file(self) -> Path:
        return self.image_dir / NAMES.file

    @property
    def meta(self) -> Path:
        return self.image_dir / NAMES.meta

    @property
    def image(self) -> Image:
        found = self.desk.read(Image, KEY)
        assert found is not None
        return found

    def put(self, content: bytes) -> FileRef:
        """The content as a blob of the store."""
        made = ref_of(content)
        self.store.put(made.digest, made.size_bytes, [content])
        return made

    def make(self, made: FileRef, **image: Any) -> None:
        """The artifact, and an image whose delivery is due."""
        self.database.artifacts.delete({})
        self.database.images.delete({})
        self.desk.insert(artifact(made))
        fields: dict[str, Any] = {
            "id": KEY,
            "platform": PLATFORM,
            "image_id": IMAGE_ID,
            "state": ImageState.DELIVER,
            "artifact": "artifact",
            "work": due(Step.DELIVER, self.clock),
        }
        self.desk.insert(Image(**{**fields, **image}))

    def change(self, fields: Mapping[str, Any]) -> None:
        """Set fields of the image, as another process would."""
        self.desk.change(Image, KEY, lambda _: Patch(set=fields))

    def claim(self, report: ReportProgress = ignore_progress) -> Held[Image]:
        """The image's step, claimed."""
        held = take(self.desk, Image, KEY, list(Step))
        assert held is not None
        return Held(desk=held.desk, kind=Image, record=held.record, claim=held.claim, work=held.work, report=report)

    def perform(self, report: ReportProgress = ignore_progress) -> Performed:
        """Claim the step that is due, run it, record it."""
        return self.go_on(self.claim(report))

    def go_on(self, held: Held[Image]) -> Performed:
        """Run and record a step that was claimed."""
        steps = {Step.DELIVER: self.shipper.deliver, Step.REMOVE: self.shipper.remove}
        ending, performed = run(held, steps[held.work.step], jitter=0.0)
        record(held, ending, LIFETIME)
        return performed

    def free_claim(self) -> None:
        """What a keeper does when a holder does not renew."""
        self.change({"work": due(Step.DELIVER, self.clock)})

    def deliver_again(self, acl: Acl | None) -> None:
        """A pull has joined with another wish: `.meta` is to be written anew."""
        version = self.image.acl_wanted_version + 1
        wish = {"acl_wanted": acl, "acl_wanted_version": version}
        self.change({**wish, "work": due(Step.DELIVER, self.clock)})

    def expire(self) -> None:
        """Its time is up."""
        self.change({"expires": self.clock})
        self.clock += timedelta(seconds=1)
        self.desk.change(Image, KEY, lambda image: images.expire(image, self.clock))

    def want_again(self) -> None:
        """A pull has come that needs it."""
        self.desk.change(Image, KEY, lambda image: images.begin(image, "artifact", self.clock))


def artifact(made: FileRef, state: ArtifactState = ArtifactState.MADE) -> Artifact:
    """An artifact whose file is *made*."""
    return Artifact(
        id="artifact",
        state=state,
        source=Source(location="", repository="library/app"),
        manifest_digest="sha256:" + "0" * 64,
        format="squashfs",
        options={},
        run_config=RUN,
        squashfs=made,
        used_at=START,
    )
