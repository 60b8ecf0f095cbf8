"""A gateway small enough to explore: the memory database, a clock, queues and a platform's directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from imagegw.domain import artifacts, images
from imagegw.domain.acl import Acl
from imagegw.domain.admission import Limits
from imagegw.domain.artifacts import Making
from imagegw.domain.images import Delivery, Placing
from imagegw.domain.patch import Patch
from imagegw.domain.pulls import Link, end_resolve
from imagegw.domain.records import (
    Artifact,
    BlobRef,
    DeliveredFile,
    FileRef,
    Image,
    Pull,
    RunConfig,
    Source,
)
from imagegw.domain.status import PullStatus, Step
from imagegw.domain.work import due
from imagegw.errors import ClaimLost, ManifestInvalid
from imagegw.mongo.memory import MemoryDatabase
from imagegw.mongo.port import Collection
from imagegw.pipeline.desk import CLASSES, Desk
from imagegw.pipeline.following import is_awaited, rest
from imagegw.pipeline.joining import join
from imagegw.pipeline.performing import Held, StepFunction, record, run, take
from imagegw.pipeline.sweeping import admit, expire, follow_admitted, sweep
from tests.unit.interleavings.explorer import Operation, Operations

START = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIME = timedelta(days=90)
REMOVAL_DELAY = timedelta(days=1)
KEY = "k" * 64
PLATFORM = "mycluster"
_READS = frozenset({"get", "find", "count"})
_TIME = Operation(kind="*", is_write=True)


class SteppedCollection:
    """A collection at whose every operation another actor may run."""

    def __init__(self, name: str, inner: Collection, operations: Operations) -> None:
        self._name = name
        self._inner = inner
        self._operations = operations

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)

        def stepped(target: Any, *args: Any, **kwargs: Any) -> Any:
            found = target if isinstance(target, str) else target.get("_id", "*")
            operation = Operation(kind=self._name, identity=found, is_write=name not in _READS)
            return self._operations.step(operation, lambda: method(target, *args, **kwargs))

        return stepped


class SteppedDatabase:
    """The memory database behind a switchboard."""

    def __init__(self, inner: MemoryDatabase, operations: Operations) -> None:
        self._inner = inner
        self._operations = operations

    def __getattr__(self, name: str) -> SteppedCollection:
        return SteppedCollection(name, getattr(self._inner, name), self._operations)


def _file(image_id: str) -> Operation:
    return Operation(kind="files", identity=image_id, is_write=True)


@dataclass
class Gateway:
    """The gateway of one scenario."""

    operations: Operations = field(default_factory=Operations)
    inner: MemoryDatabase = field(default_factory=MemoryDatabase)
    clock: datetime = START
    queue: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    """The platform's directory: the holder whose delivery wrote the file, by image id."""
    metas: dict[str, Acl | None] = field(default_factory=dict)
    is_artifact_bad: bool = False

    def desk(self, actor: str) -> Desk:
        """The place of one actor; its ids are its own, and the same in every replay."""
        numbers = count()
        return Desk(
            database=SteppedDatabase(self.inner, self.operations),
            now=lambda: self.clock,
            new_id=lambda: f"{actor}-{next(numbers)}",
            host=actor,
            announce=lambda _key, kind, identity: self.queue.append((kind, identity)),
        )

    def fingerprint(self) -> str:
        """Everything that later operations can see; history is for people."""
        shown = {
            name: sorted(
                repr({k: v for k, v in d.items() if k != "history"})
                for d in getattr(self.inner, name).documents.values()
            )
            for name in ("pulls", "artifacts", "images", "tags")
        }
        return repr((shown, self.clock, sorted(self.files.items()), sorted(self.metas.items()), sorted(self.queue)))

    # --- what is there at the beginning ---

    def add_pull(self, name: str, *, uid: int = 1000, wish: Acl | None = None, tag: str = "app:1") -> Pull:
        """An admitted pull whose resolve step is due."""
        pull = Pull(
            id=name,
            platform=PLATFORM,
            type="docker",
            tag=tag,
            uid=uid,
            gid=uid,
            user=f"user{uid}",
            wish=wish,
            status=PullStatus.PENDING,
            live=True,
            created=self.clock,
            admitted=self.clock,
            deadline=self.clock + timedelta(days=365),
            work=due(Step.RESOLVE, self.clock),
        )
        self.desk("setup").insert(pull)
        return pull

    def pull(self, name: str) -> Pull:
        """How the pull stands."""
        found = self.desk("look").read(Pull, name)
        assert found is not None
        return found

    def image(self, digest: str = "d1") -> Image:
        """How the image stands."""
        found = self.desk("look").read(Image, f"{PLATFORM}:{digest}")
        assert found is not None
        return found

    # --- actors ---

    def perform(self, desk: Desk, kind: str, identity: str) -> bool:
        """What a worker does with a message: claim, step, record. Whether there was something to claim."""
        held: Held[Any] | None = take(desk, CLASSES[kind], identity, list(Step))
        if held is None:
            return False
        try:
            ending, _ = run(held, self.steps()[held.work.step], jitter=0.0)
            record(held, ending, LIFETIME)
        except ClaimLost:
            pass
        return True

    def worker(self, name: str, kind: str, identity: str) -> Callable[[], object]:
        """An actor that handles one message."""
        desk = self.desk(name)
        return lambda: self.perform(desk, kind, identity)

    def keeper(self, name: str, *, after: timedelta) -> Callable[[], None]:
        """An actor that, time having passed, does all that a keeper does, once."""
        desk = self.desk(name)

        def act() -> None:
            self.operations.step(_TIME, lambda: self._pass(after))
            sweep(desk, LIFETIME, frees_claims=True)
            follow_admitted(desk, LIFETIME)
            expire(desk)

        return act

    def _pass(self, after: timedelta) -> None:
        self.clock += after

    def settle(self) -> None:
        """Let keeper and workers go on alone until nothing moves: what recovery makes of what is left."""
        desk = self.desk("settle")
        for _ in range(40):
            admit(desk, Limits(live=512, live_per_user=16))
            sweep(desk, LIFETIME, frees_claims=True)
            follow_admitted(desk, LIFETIME)
            messages, self.queue = self.queue, []
            for kind, identity in messages:
                self.perform(desk, kind, identity)
            if not self.inner.pulls.count({"live": True}) and not self.queue:
                return
            self.clock += timedelta(seconds=31)

    # --- the steps, with their input and output imagined ---

    def steps(self) -> dict[Step, StepFunction]:
        return {
            Step.RESOLVE: self._resolve,
            Step.FETCH: self._fetch,
            Step.CONVERT: self._convert,
            Step.DELIVER: self._deliver,
            Step.REMOVE: self._remove,
        }

    digest: str = "d1"
    """What every reference resolves to at the moment."""

    def _resolve(self, held: Held[Pull]) -> Callable[[Pull], Patch | None]:
        pull = held.record
        digest = self.digest
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
            public=False,
            resolved_at=self.clock,
            artifact=making.key,
            image=f"{PLATFORM}:{digest}",
        )
        rounds = join(held.desk, pull.id, held.claim, link, making, placing)
        return lambda current: end_resolve(current, rounds, wished=pull.wish, now=self.clock)

    def _fetch(self, held: Held[Artifact]) -> Callable[[Artifact], Patch | None]:
        artifact = held.record
        if not is_awaited(held.desk, artifact.id):
            return rest(held.desk, held.work)
        if self.operations.step(Operation(kind="registry"), lambda: self.is_artifact_bad):
            raise ManifestInvalid("bad")
        layer = BlobRef(digest="sha256:l", size_bytes=1, media_type="tar")
        return lambda _: artifacts.end_fetch([layer], RunConfig(), large=False, now=self.clock)

    def _convert(self, held: Held[Artifact]) -> Callable[[Artifact], Patch | None]:
        file = FileRef(digest="sha256:f", size_bytes=1)
        return lambda _: artifacts.end_convert(file, {}, None, examine=False, now=self.clock)

    def _deliver(self, held: Held[Image]) -> Callable[[Image], Patch | None]:
        image = held.record
        pin = FileRef(digest="sha256:f", size_bytes=1)
        if image.image_id not in self.files:
            held.check()
        self.operations.step(_file(image.image_id), lambda: self.files.setdefault(image.image_id, held.claim))
        self.operations.step(
            _file(image.image_id), lambda: self.metas.__setitem__(image.image_id, image.acl_wanted)
        )
        done = Delivery(
            pin=pin,
            file=DeliveredFile(size_bytes=1, mtime_s=0.0),
            acl=image.acl_wanted,
            acl_version=image.acl_wanted_version,
            run_config=None,
            remarks=(),
        )
        return lambda current: images.end_deliver(current, done, self.clock)

    def _remove(self, held: Held[Image]) -> Callable[[Image], Patch | None]:
        image = held.record
        held.check()
        if not image.is_meta_removed:
            self.operations.step(_file(image.image_id), lambda: self.metas.pop(image.image_id, None))
            return lambda current: images.end_remove_meta(current, REMOVAL_DELAY, self.clock)
        self.operations.step(_file(image.image_id), lambda: self.files.pop(image.image_id, None))
        return lambda current: images.end_remove_file(current, self.clock)
