"""A gateway small enough to explore: the memory database, a clock, queues and a platform's directory."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
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
from imagegw.domain.status import ArtifactState, PullStatus, Step
from imagegw.domain.work import due, renew
from imagegw.errors import Cancelled, ClaimLost, ManifestInvalid
from imagegw.mongo.change import Decide, Outcome
from imagegw.mongo.documents import Record
from imagegw.mongo.memory import MemoryCollection, MemoryDatabase
from imagegw.pipeline import following, joining, performing, sweeping
from imagegw.pipeline.desk import CLASSES, Desk
from imagegw.pipeline.performing import Held, StepFunction
from imagegw.retry import failure_of
from tests.unit.interleavings.explorer import Operation, Operations
from tests.unit.interleavings.promises import Platform, Promises, claim_of

START = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIME = timedelta(days=90)
REMOVAL_DELAY = timedelta(days=1)
UNTAGGED_AFTER = timedelta(minutes=1)
CLAIM_OVER = timedelta(seconds=31)
KEY = "k" * 64
PLATFORM = "mycluster"
COLLECTIONS = ("pulls", "artifacts", "images", "tags")
_READS = frozenset({"get", "find", "count"})
_TIME = Operation(kind="*", is_write=True)


class SteppedCollection:
    """A collection at whose every operation another actor may run."""

    def __init__(self, name: str, gateway: Gateway, actor: str) -> None:
        self._name = name
        self._actor = actor
        self._gateway = gateway
        self._inner: MemoryCollection = getattr(gateway.inner, name)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def stepped(target: Any, *args: Any, **kwargs: Any) -> Any:
            def trial(collection: MemoryCollection) -> Any:
                return getattr(collection, name)(target, *args, **kwargs)

            operation = Operation(
                kind=self._name,
                identity=target if isinstance(target, str) else target.get("_id", "*"),
                is_write=name not in _READS,
                judged_with=_judged_with(self._name, args),
                tried_on=self._copy,
                trial=lambda state: _without_history(trial(state)),
            )
            result = self._gateway.operations.step(operation, lambda: self._watched(trial))
            if name == "get" and result is not None and self._actor in self._gateway.holds_rev:
                self._gateway.holds_rev[self._actor] = (self._name, target, result["rev"])
            return result

        return stepped

    def _copy(self) -> _Trial:
        collection = _Trial()
        collection.documents = dict(self._inner.documents)
        return collection

    def _watched(self, perform: Callable[[MemoryCollection], Any]) -> Any:
        before = dict(self._inner.documents)
        result = perform(self._inner)
        after = self._inner.documents
        for identity in {*before, *after}:
            if before.get(identity) is not after.get(identity):
                self._gateway.promises.watch(
                    self._name, before.get(identity), after.get(identity), self._gateway.clock
                )
        return result


class _Trial(MemoryCollection):
    """A copy on which orders are tried; two are equal if no later operation can tell them apart."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Trial) and _without_history(self.documents) == _without_history(other.documents)

    __hash__ = None  # type: ignore[assignment]


_HISTORY = frozenset({"history"})
_NOT_TOLD = frozenset({"history", "rev", "host"})


def _without_history(value: Any) -> Any:
    return _without(value, _HISTORY)


def _without(value: Any, names: Container[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(item, names) for name, item in value.items() if name not in names}
    return value


def _judged_with(collection: str, args: tuple[Any, ...]) -> frozenset[str]:
    """What the promises look at beside the document when this update is made."""
    changed = args[0].get("$set", {}) if args and isinstance(args[0], Mapping) else {}
    if collection == "pulls" and changed.get("status") == "READY":
        return frozenset({"files", "images"})
    if collection == "artifacts" and changed.get("state") == "idle":
        return frozenset({"pulls"})
    return frozenset()


class SteppedDatabase:
    """The memory database behind a switchboard."""

    def __init__(self, gateway: Gateway, actor: str) -> None:
        self._gateway = gateway
        self._actor = actor

    def __getattr__(self, name: str) -> SteppedCollection:
        return SteppedCollection(name, self._gateway, self._actor)


@dataclass(frozen=True, kw_only=True)
class ExploredDesk(Desk):
    """A desk that tells the search what is kept of a change: its outcome, not how often it was tried."""

    operations: Operations
    holds_rev: dict[str, tuple[str, str, int]]

    def change(
        self, kind: type[Record], identity: str, decide: Decide[Record], *, claim: str | None = None
    ) -> Outcome[Record]:
        self.holds_rev[self.host] = ("", "", 0)
        with self.operations.forgetting() as kept:
            outcome = super().change(kind, identity, decide, claim=claim)
            record = None if outcome.record is None else replace(outcome.record, rev=0)
            kept.append(repr((record, outcome.patch is None)))
        self.holds_rev.pop(self.host, None)
        return outcome


def _told(result: Any) -> str:
    """A result without what no decision looks at: history is for people, `rev` is looked at by `change` alone."""
    names = _HISTORY if isinstance(result, dict) and "readers" in result else _NOT_TOLD
    return repr(_without(result, names))


@dataclass
class Gateway:
    """The gateway of one scenario."""

    operations: Operations = field(default_factory=lambda: Operations(_told))
    inner: MemoryDatabase = field(default_factory=MemoryDatabase)
    clock: datetime = START
    queue: list[tuple[str, str]] = field(default_factory=list)
    platform: Platform = field(default_factory=Platform)
    told_ready: list[str] = field(default_factory=list)
    """Images of which a lookup was told that they are READY."""
    is_manifest_bad: bool = False
    digest: str = "d1"
    """What every reference resolves to at the moment."""
    is_public: bool = False
    paused: Held[Any] | None = None
    """The claim of a holder who is paused when the actors begin."""
    turns: int = 0
    """How many workers have had a turn outside the search; makes their names differ."""

    def __post_init__(self) -> None:
        self.promises = Promises(database=self.inner, platform=self.platform)
        self._shown: dict[int, tuple[object, str]] = {}
        self.holds_rev: dict[str, tuple[str, str, int]] = {}
        """Which `rev` of which document each actor has read; what matters of it is whether it stands."""

    def copy(self) -> Gateway:
        """The same gateway in another world."""
        twin = Gateway(
            clock=self.clock,
            queue=list(self.queue),
            platform=Platform(files=dict(self.platform.files), metas=dict(self.platform.metas)),
            is_manifest_bad=self.is_manifest_bad,
            digest=self.digest,
            is_public=self.is_public,
            paused=self.paused,
            turns=self.turns,
        )
        for name in COLLECTIONS:
            documents = getattr(self.inner, name).documents
            getattr(twin.inner, name).documents = {
                i: {**d, "history": d["history"][-1:]} for i, d in documents.items()
            }
        twin.promises.failed_rounds = dict(self.promises.failed_rounds)
        return twin

    def desk(self, actor: str) -> Desk:
        """The place of one actor; its ids are its own, and the same in every replay."""
        numbers = count()
        return ExploredDesk(
            operations=self.operations,
            holds_rev=self.holds_rev,
            database=SteppedDatabase(self, actor),
            now=lambda: self.clock,
            new_id=lambda: f"{actor}-{next(numbers)}",
            host=actor,
            announce=lambda _key, kind, identity: self.queue.append((kind, identity)),
        )

    def fingerprint(self) -> object:
        """Everything that later operations and checks can see; history is for people."""
        shown = tuple(
            self._show(document)
            for name in COLLECTIONS
            for _, document in sorted(getattr(self.inner, name).documents.items())
        )
        directory = (repr(sorted(self.platform.files.items())), repr(sorted(self.platform.metas.items())))
        kept = (tuple(self.promises.broken), frozenset(self.promises.ended), tuple(self.told_ready))
        return shown, self.clock, directory, tuple(sorted(self.queue)), kept, self._standing_revs()

    def _standing_revs(self) -> tuple[tuple[str, str, str, bool], ...]:
        held = sorted(self.holds_rev.items())
        documents = {name: getattr(self.inner, name).documents for name in COLLECTIONS}
        return tuple((a, n, i, documents.get(n, {}).get(i, {}).get("rev") == rev) for a, (n, i, rev) in held)

    def outcome(self) -> object:
        """What is left when the actors have ended: how often something changed, and by whom, is no matter."""
        shown = repr(
            [
                [_without(d, {"history", "rev", "claim", "host"}), claim_of(d) is not None]
                for name in COLLECTIONS
                for _, d in sorted(getattr(self.inner, name).documents.items())
            ]
        )
        kept = (
            tuple(self.promises.broken),
            tuple(self.told_ready),
            repr(sorted(self.promises.failed_rounds.items())),
        )
        return (
            shown,
            self.clock,
            tuple(sorted(self.platform.files)),
            repr(sorted(self.platform.metas.items())),
            frozenset(self.queue),
            kept,
        )

    def _show(self, document: dict[str, Any]) -> str:
        known = self._shown.get(id(document))
        if known is None:
            known = self._shown[id(document)] = (document, _told(document))
        return known[1]

    # --- what is there at the beginning ---

    def add_pull(self, name: str, *, uid: int = 1000, wish: Acl | None = None, tag: str = "app:1") -> None:
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
            deadline=self.clock + timedelta(days=3650),
            work=due(Step.RESOLVE, self.clock),
        )
        self._next_desk().insert(pull)

    def cancel(self, name: str) -> None:
        """Its requester does not want it any more."""
        following.end_pull(self._next_desk(), name, failure_of(Cancelled("cancelled")))

    def drain(self) -> None:
        """Let workers handle all messages, with no time passing and no keeper looking."""
        for _ in range(20):
            messages, self.queue = self.queue, []
            for kind, identity in messages:
                self.perform(self._next_desk(), kind, identity)
            if not self.queue:
                return

    def do(self, kind: str, identity: str) -> None:
        """A worker handles one message, before the actors begin."""
        self.queue = [message for message in self.queue if message != (kind, identity)]
        self.perform(self._next_desk(), kind, identity)

    def _next_desk(self) -> Desk:
        self.turns += 1
        return self.desk(f"turn{self.turns}")

    def pull(self, name: str) -> Pull:
        """How the pull stands."""
        found = self.desk("look").read(Pull, name)
        assert found is not None
        return found

    def artifact(self, digest: str = "d1") -> Artifact:
        """How the artifact stands."""
        found = self.desk("look").read(Artifact, f"{KEY}{digest}")
        assert found is not None
        return found

    def image(self, digest: str = "d1") -> Image:
        """How the image stands."""
        found = self.desk("look").read(Image, f"{PLATFORM}:{digest}")
        assert found is not None
        return found

    # --- actors ---

    def perform(self, desk: Desk, kind: str, identity: str) -> None:
        """What a worker does with a message: claim, step, record."""
        held: Held[Any] | None = performing.take(desk, CLASSES[kind], identity, list(Step))
        if held is not None:
            self.hold(held)

    def hold(self, held: Held[Any]) -> None:
        """What a worker does with a claim."""
        try:
            ending, _ = performing.run(held, self.steps()[held.work.step], jitter=0.0)
            performing.record(held, ending, LIFETIME)
        except ClaimLost:
            return
        self.promises.recorded(held.claim)

    def worker(self, name: str, kind: str, identity: str) -> Callable[[], object]:
        """An actor that handles one message."""
        desk = self.desk(name)
        return lambda: self.perform(desk, kind, identity)

    def pause(self, kind: str, identity: str) -> None:
        """A worker claims the step, and then is not heard of for a while."""
        self.paused = performing.take(self.desk("paused"), CLASSES[kind], identity, list(Step))

    def paused_worker(self) -> Callable[[], object]:
        """The paused worker as an actor, who comes back with what it knew."""
        assert self.paused is not None
        held = replace(self.paused, desk=self.desk("paused"))
        return lambda: self.hold(held)

    def renewing_worker(self, name: str, identity: str) -> Callable[[], object]:
        """An actor that handles one message about an image, and renews its claim before it works."""
        desk = self.desk(name)

        def act() -> None:
            held = performing.take(desk, Image, identity, list(Step))
            if held is not None:
                desk.database.images.note(*renew(identity, held.claim, self.clock, None))
                self.hold(held)

        return act

    def let_pass(self, after: timedelta) -> None:
        """Time goes by."""
        self.operations.step(_TIME, lambda: self._pass(after))

    def sweep(self, desk: Desk) -> None:
        """A keeper looks at all work once."""
        sweeping.sweep(desk, LIFETIME, frees_claims=True)

    def _pass(self, after: timedelta) -> None:
        self.clock += after

    def look_up(self, desk: Desk, digest: str = "d1") -> None:
        """A lookup by somebody who may see it: the answer is READY only if the use could be noted."""
        image_id = f"{PLATFORM}:{digest}"
        now = self.clock
        outcome = desk.change(Image, image_id, lambda image: images.use(image, now + LIFETIME))
        if outcome.patch is not None:
            self.told_ready.append(digest)

    def settle(self) -> None:
        """Let keeper and workers go on alone until nothing moves: what recovery makes of what is left."""
        for _ in range(40):
            keeper = self._next_desk()
            sweeping.admit(keeper, Limits(live=512, live_per_user=16))
            self.sweep(keeper)
            sweeping.follow_admitted(keeper, LIFETIME)
            self.drain()
            if not self.inner.pulls.count({"live": True}) and not self.is_held():
                return
            self._pass(CLAIM_OVER)

    def is_held(self) -> bool:
        """Whether any claim stands."""
        found = [d for n in COLLECTIONS for d in getattr(self.inner, n).documents.values()]
        return any(claim_of(document) for document in found)

    # --- the steps, with their input and output imagined ---

    def steps(self) -> dict[Step, StepFunction]:
        return {
            Step.RESOLVE: self._resolve,
            Step.FETCH: self._fetch,
            Step.CONVERT: self._convert,
            Step.DELIVER: self._deliver,
            Step.REMOVE: self._remove,
        }

    def _resolve(self, held: Held[Pull]) -> Callable[[Pull], Patch | None]:
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
            public=self.is_public,
            resolved_at=self.clock,
            artifact=making.key,
            image=f"{PLATFORM}:{digest}",
        )
        wished = held.record.wish
        rounds = joining.join(held.desk, held.record.id, held.claim, link, making, placing)
        return lambda pull: end_resolve(pull, rounds, wished=wished, now=self.clock)

    def _fetch(self, held: Held[Artifact]) -> Callable[[Artifact], Patch | None]:
        artifact = held.record
        if not following.is_awaited(held.desk, artifact.id):
            return following.rest(held.desk, held.work)
        if self.is_manifest_bad and artifact.round == 1:
            raise ManifestInvalid("bad")
        layer = BlobRef(digest="sha256:l", size_bytes=1, media_type="tar")
        return lambda _: artifacts.end_fetch([layer], RunConfig(), large=False, now=self.clock)

    def _convert(self, held: Held[Artifact]) -> Callable[[Artifact], Patch | None]:
        file = FileRef(digest="sha256:f", size_bytes=1)
        return lambda _: artifacts.end_convert(file, {}, None, examine=False, now=self.clock)

    def _in_lease(self, held: Held[Image], act: Callable[[], object]) -> None:
        """Look at the claim, then act at once: a claim outlasts the moment between the two."""

        def check_and_act() -> None:
            held.check()
            act()

        operation = Operation(
            kind="files", identity=held.record.image_id, is_write=True, writes_too=frozenset({"images"})
        )
        self.operations.step(operation, check_and_act)

    def _deliver(self, held: Held[Image]) -> Callable[[Image], Patch | None]:
        image, files, metas = held.record, self.platform.files, self.platform.metas
        if image.image_id not in files:
            artifact = held.desk.read(Artifact, image.artifact)
            if artifact is None or artifact.state is not ArtifactState.MADE:
                return lambda _: images.wait_for_artifact(image)
            self._in_lease(held, lambda: files.setdefault(image.image_id, held.claim))
        self._in_lease(held, lambda: metas.__setitem__(image.image_id, image.acl_wanted))
        done = Delivery(
            pin=FileRef(digest="sha256:f", size_bytes=1),
            file=DeliveredFile(size_bytes=1, mtime_s=0.0),
            acl=image.acl_wanted,
            acl_version=image.acl_wanted_version,
            run_config=None,
            remarks=(),
        )
        return lambda current: images.end_deliver(current, done, self.clock)

    def _remove(self, held: Held[Image]) -> Callable[[Image], Patch | None]:
        image, files, metas = held.record, self.platform.files, self.platform.metas
        if not image.is_meta_removed:
            self._in_lease(held, lambda: metas.pop(image.image_id, None))
            return lambda current: images.end_remove_meta(current, REMOVAL_DELAY, self.clock)
        self._in_lease(held, lambda: files.pop(image.image_id, None))
        return lambda current: images.end_remove_file(current, self.clock)
