"""The holder's side of a claim: renew it while the step moves, say how far it is, stop it when it must."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from imagegw.domain import work
from imagegw.domain.records import Progress
from imagegw.errors import ClaimLost, DatabaseAway, StepAborted
from imagegw.mongo.port import Collection

BEAT_S = 1.0
"""Progress is written at most this often."""
QUIET_S = 5.0
"""A claim is renewed at least this often, though nothing has moved."""

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class Hold:
    """One claim of this process. The step's thread reports into it, the renewing thread reads from it."""

    collection: Collection
    identity: str
    claim: str
    clock: Callable[[], float]
    moved_at: float
    done_bytes: int = 0
    total_bytes: int | None = None
    is_lost: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    _written_bytes: int = 0
    _written_at: float | None = None
    _renewed_at: float | None = None

    def report(self, done_bytes: int, total_bytes: int | None) -> None:
        """As `ReportProgress`: called often, writes nothing itself.

        Raises:
            StepAborted, ClaimLost: the step must stop.
        """
        if self.is_lost:
            raise ClaimLost(f"the claim on {self.identity} stands no more")
        if self.stop.is_set():
            raise StepAborted("the service ends")
        if (done_bytes, total_bytes) != (self.done_bytes, self.total_bytes):
            self.done_bytes, self.total_bytes = done_bytes, total_bytes
            self.moved_at = self.clock()

    def take_progress(self, now: float) -> Progress | None:
        """What is to be written now; None if nothing has moved since the last time."""
        done, before, at = self.done_bytes, self._written_bytes, self._written_at
        if done == before:
            return None
        rate = None if at is None or now <= at else max(0.0, (done - before) / (now - at))
        self._written_bytes, self._written_at = done, now
        return Progress(done_bytes=done, total_bytes=self.total_bytes, rate_bytes_per_s=rate)

    def is_renewal_due(self, now: float) -> bool:
        """Whether something has moved, or nothing has been written for a while."""
        has_moved = self.done_bytes != self._written_bytes
        return has_moved or self._renewed_at is None or now - self._renewed_at >= QUIET_S

    def mark_renewed(self, now: float) -> None:
        """The claim was renewed at *now*."""
        self._renewed_at = now


class Renewals:
    """All claims of a process, renewed by one thread.

    A step that reports no progress for *stall_s* is not renewed any more: its claim dies, somebody else goes
    on, and *on_stall* ends this process, since a thread that hangs cannot be ended otherwise.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        stall_s: float,
        on_stall: Callable[[], None],
    ) -> None:
        self._now = now
        self._clock = clock
        self._stall_s = stall_s
        self._on_stall = on_stall
        self._holds: dict[str, Hold] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewals", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def end(self) -> None:
        """Renew no more."""
        self._ended.set()
        self._thread.join(2 * BEAT_S)

    def add(self, collection: Collection, identity: str, claim: str) -> Hold:
        """Look after a claim that was just taken; one that comes when steps are to stop stops at once."""
        now = self._clock()
        hold = Hold(collection=collection, identity=identity, claim=claim, clock=self._clock, moved_at=now)
        hold.mark_renewed(now)
        with self._lock:
            self._holds[claim] = hold
            if self._stopping:
                hold.stop.set()
        return hold

    def remove(self, claim: str) -> None:
        """Look after it no more."""
        with self._lock:
            self._holds.pop(claim, None)

    def stop_steps(self) -> None:
        """Let every running step, and any that is still to come, stop at its next report."""
        with self._lock:
            self._stopping = True
            for hold in self._holds.values():
                hold.stop.set()

    def beat(self) -> None:
        """Look after every claim once."""
        for hold in self._all():
            self._tend(hold)

    def _all(self) -> list[Hold]:
        with self._lock:
            return list(self._holds.values())

    def _run(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                self.beat()
            except Exception:
                log.exception("renewals_failed")
                self._on_stall()  # claims that nobody renews are dying: no further one may be taken
                return

    def _tend(self, hold: Hold) -> None:
        now = self._clock()
        if hold.is_lost:
            return
        if now - hold.moved_at > self._stall_s:
            log.error("step_stalled", id=hold.identity, quiet_s=round(now - hold.moved_at))
            hold.is_lost = True
            self._on_stall()
        elif hold.is_renewal_due(now):
            self._renew(hold, now)

    def _renew(self, hold: Hold, now: float) -> None:
        at = self._now()
        query, update = work.renew(hold.identity, hold.claim, at, hold.take_progress(now))
        try:
            hold.is_lost = not hold.collection.note(query, update)
        except DatabaseAway as error:
            log.warning("renewal_delayed", id=hold.identity, error=error.sentence)
            return
        hold.mark_renewed(now)
        if hold.is_lost:
            log.warning("claim_lost", id=hold.identity)
