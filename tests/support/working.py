"""A worker on a database in memory, with a clock that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from imagegw.contracts.codec import encode
from imagegw.contracts.work import Work, WorkKind
from imagegw.domain.records import Artifact, Source
from imagegw.domain.status import ArtifactState, Step
from imagegw.domain.work import due
from imagegw.mongo.memory import MemoryDatabase
from imagegw.mongo.port import Collection, Document, Filter, Update
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.performing import StepFunction
from imagegw.renewal import Renewals
from imagegw.worker import Worker

START = datetime(2026, 1, 1, tzinfo=UTC)
STALL_S = 600.0
FETCH_IT = encode(Work(kind=WorkKind.ARTIFACT, id="a"))


class Clock:
    """The database's time and the local monotonic one, moved together."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s

    def move(self, seconds: float) -> None:
        self.passed_s += seconds


class Noted:
    """A collection that counts what is noted, and can be away."""

    def __init__(self, inner: Collection) -> None:
        self._inner = inner
        self.notes: list[Update] = []
        self.failure: Exception | None = None

    def note(self, query: Filter, update: Update) -> bool:
        if self.failure is not None:
            raise self.failure
        self.notes.append(update)
        return self._inner.note(query, update)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@dataclass
class Bench:
    """One artifact whose fetch is due, and a worker that has the steps which a test gives it."""

    clock: Clock = field(default_factory=Clock)
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    stalls: list[float] = field(default_factory=list)
    desk_class: type[Desk] = Desk

    def __post_init__(self) -> None:
        numbers = count()
        self.desk = self.desk_class(
            database=self.database,
            now=self.clock.now,
            new_id=lambda: f"id{next(numbers)}",
            host="host/1",
            announce=lambda *_: None,
        )
        self.renewals = Renewals(
            now=self.clock.now,
            clock=self.clock.monotonic,
            stall_s=STALL_S,
            on_stall=lambda: self.stalls.append(self.clock.passed_s),
        )
        artifact = Artifact(
            id="a",
            state=ArtifactState.FETCH,
            source=Source(location="", repository="library/app"),
            manifest_digest="sha256:m",
            format="squashfs",
            options={},
            used_at=START,
            work=due(Step.FETCH, START),
        )
        self.desk.insert(artifact)

    def worker(self, step: StepFunction) -> Worker:
        """A worker whose fetch is *step*."""
        steps: Mapping[Step, StepFunction] = {Step.FETCH: step}
        return Worker(self.desk, steps, self.renewals, lifetime=timedelta(days=1), database_pause_s=0.0)

    def perform(self, step: StepFunction) -> None:
        """Handle the message, as the consumer does."""
        self.job(step)()

    def job(self, step: StepFunction) -> Callable[[], None]:
        """The claimed job."""
        job = self.worker(step).claim("imagegw.fetch", FETCH_IT)
        assert job is not None
        claimed: Callable[[], None] = job
        return claimed

    @property
    def document(self) -> Document:
        found = self.database.artifacts.get("a")
        assert found is not None
        return found

    @property
    def artifact(self) -> Artifact:
        found = self.desk.read(Artifact, "a")
        assert found is not None
        return found
