"""A gateway small enough to explore: the memory database, a clock, queues and a platform's directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from imagegw.domain.acl import Acl
from imagegw.domain.records import Artifact, Image, Pull
from imagegw.domain.status import PullStatus, Step
from imagegw.domain.work import due
from imagegw.mongo.memory import MemoryDatabase
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.performing import Held
from tests.unit.interleavings.explorer import Operations
from tests.unit.interleavings.promises import Platform, Promises, claim_of
from tests.unit.interleavings.stepped import ExploredDesk, SteppedDatabase, told, without

START = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIME = timedelta(days=90)
REMOVAL_DELAY = timedelta(days=1)
UNTAGGED_AFTER = timedelta(minutes=1)
CLAIM_OVER = timedelta(seconds=31)
KEY = "k" * 64
PLATFORM = "mycluster"
COLLECTIONS = ("pulls", "artifacts", "images", "tags")


@dataclass
class Gateway:
    """The gateway of one scenario."""

    operations: Operations = field(default_factory=lambda: Operations(told))
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
                [without(d, {"history", "rev", "claim", "host"}), claim_of(d) is not None]
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
            known = self._shown[id(document)] = (document, told(document))
        return known[1]

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
        self.next_desk().insert(pull)

    def next_desk(self) -> Desk:
        """The place of one more worker outside the search."""
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

    def let_pass(self, after: timedelta) -> None:
        """Time goes by."""
        self.clock += after

    def is_held(self) -> bool:
        """Whether any claim stands."""
        found = [d for n in COLLECTIONS for d in getattr(self.inner, n).documents.values()]
        return any(claim_of(document) for document in found)
