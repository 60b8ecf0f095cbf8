"""Runs actors through all interleavings of their operations.

The actors are the very functions that the services call. Every operation on something shared is a point at
which another actor may run, and at which one actor may crash for good. Of schedules that only swap operations
whose order makes no difference, one is followed (sleep sets, Godefroid 1996), and of those that bring the world
and every actor to the same point, one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

Actor = Callable[[], object]
CRASH = "crash "


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What an actor is about to do: to which thing (`*` is all of that kind), and whether it changes it."""

    kind: str
    identity: str = "*"
    is_write: bool = False
    judged_with: frozenset[str] = frozenset()
    """Other kinds of things that a promise looks at when this is done: writes there do not commute with it."""
    writes_too: frozenset[str] = frozenset()
    """Other kinds of things that this changes."""
    tried_on: Callable[[], Any] | None = None
    """Makes a copy of the thing, on which two orders can be tried."""
    trial: Callable[[Any], Any] | None = None
    """Does the operation to such a copy."""

    def touches(self, other: Operation) -> bool:
        """Whether the order of the two can matter, the world being as it is now."""
        if "*" in {self.kind, other.kind}:
            return True
        if self.kind in other.writes_too or other.kind in self.writes_too:
            return True
        if (self.is_write and self.kind in other.judged_with) or (
            other.is_write and other.kind in self.judged_with
        ):
            return True
        if self.kind != other.kind or not (self.is_write or other.is_write):
            return False
        if "*" not in {self.identity, other.identity} and self.identity != other.identity:
            return False
        return not self._commutes_with(other)

    def _commutes_with(self, other: Operation) -> bool:
        if self.trial is None or other.trial is None or self.tried_on is None:
            return False
        one, two = self.tried_on(), self.tried_on()
        mine, then_theirs = self.trial(one), other.trial(one)
        theirs, then_mine = other.trial(two), self.trial(two)
        return bool(mine == then_mine and theirs == then_theirs and one == two)


class Operations:
    """Where actors stand still: one switchboard between them and the search."""

    def __init__(self, told: Callable[[Any], str] = repr) -> None:
        self.told = told
        """What of a result an actor's next decisions can depend on."""
        self.search: greenlet | None = None
        self.seen: dict[greenlet, int] = {}
        """What each actor has been told so far; with its code, that is where it stands."""
        self.pending: dict[greenlet, Operation] = {}
        self.has_written: dict[greenlet, bool] = {}
        """Whether each actor's last operation was a write."""
        self._is_inside = False

    @contextmanager
    def forgetting(self) -> Iterator[list[str]]:
        """Of what the calling actor is told inside, it keeps what is put into the list, no more."""
        current = getcurrent()
        before, kept = self.seen.get(current), list[str]()
        yield kept
        if before is not None:
            self.seen[current] = hash((before, tuple(kept)))

    def step(self, operation: Operation, perform: Callable[[], Any]) -> Any:
        """Perform it when the search lets the calling actor go on (outside a search: at once).

        Operations inside *perform* are part of this one.
        """
        current = getcurrent()
        if self.search is None or self._is_inside or current not in self.seen:
            return perform()
        self.pending[current] = operation
        self.search.switch()
        self._is_inside = True
        try:
            result = perform()
        except Exception as error:
            self._note(current, operation, repr(error))
            raise
        finally:
            self._is_inside = False
        self._note(current, operation, self.told(result))
        return result

    def _note(self, actor: greenlet, operation: Operation, result: str) -> None:
        self.seen[actor] = hash((self.seen[actor], result))
        self.has_written[actor] = operation.is_write


@dataclass(kw_only=True)
class World:
    """What the actors share; built afresh, and alike, for every schedule."""

    actors: dict[str, Actor]
    operations: Operations
    fingerprint: Callable[[], object]
    outcome: Callable[[], object]
    """All that the check can tell apart when the actors have ended."""
    facts: Any
    """The scenario's own view of the world, for its check."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A schedule that led to a broken promise."""

    schedule: list[str]
    reason: str


@dataclass
class Search:
    """All interleavings of the actors of a world.

    Args:
        build: makes the world.
        check: what must hold when every actor has ended or crashed; raises AssertionError.
        may_crash: actors of whom one may crash, after any of its writes. (A crash after a read looks to all
            others like one before it, and a crash before the first operation like an actor who was never there.)
        limit: schedules after which the scenario counts as too large.
    """

    build: Callable[[], World]
    check: Callable[[World, bool], None]
    may_crash: frozenset[str] = frozenset()
    limit: int = 20_000
    schedules: int = field(default=0, init=False)
    _slept: dict[int, frozenset[str]] = field(default_factory=dict, init=False)
    _judged: set[int] = field(default_factory=set, init=False)

    def find_fault(self) -> Fault | None:
        """The first schedule whose end breaks a promise, or None when none does."""
        pending: list[tuple[list[str], frozenset[str]]] = [([], frozenset())]
        while pending:
            schedule, sleep = pending.pop()
            self.schedules += 1
            if self.schedules > self.limit:
                raise RuntimeError(f"more than {self.limit} schedules: make the scenario smaller")
            run = _Run(self.build(), schedule, self.may_crash)
            try:
                fault = self._go_on(run, schedule, sleep, pending)
            finally:
                run.end()
            if fault is not None:
                return fault
        return None

    def _go_on(
        self, run: _Run, schedule: list[str], sleep: frozenset[str], pending: list[tuple[list[str], frozenset[str]]]
    ) -> Fault | None:
        """Follow the first open choice to the end of the schedule, and leave the others for later."""
        while True:
            mark = run.mark()
            known = self._slept.get(mark)
            enabled = run.choices()
            chosen = [c for c in enabled if c not in sleep] if known is None else sorted(known - sleep)
            done = set() if known is None else set(enabled) - known
            self._slept[mark] = sleep if known is None else known & sleep
            if run.is_over() and known is None:
                return self._judge(run, schedule)
            if not chosen:
                return None
            sleeps = []
            for choice in chosen:
                sleeps.append(frozenset(o for o in sleep | done if not run.touch(o, choice)))
                done.add(choice)
            later = [([*schedule, c], s) for c, s in zip(chosen[1:], sleeps[1:], strict=True)]
            pending.extend(reversed(later))
            schedule, sleep = [*schedule, chosen[0]], sleeps[0]
            run.do(chosen[0])

    def _judge(self, run: _Run, schedule: list[str]) -> Fault | None:
        run.world.operations.search = None
        outcome = hash((run.world.outcome(), run.crashed is not None))
        if outcome in self._judged:
            return None
        self._judged.add(outcome)
        try:
            self.check(run.world, run.crashed is not None)
        except AssertionError as broken:
            return Fault(schedule=schedule, reason=str(broken))
        return None


class _Run:
    """One world on its way along a schedule."""

    def __init__(self, world: World, schedule: list[str], may_crash: frozenset[str]) -> None:
        self.world = world
        self.crashed: str | None = None
        self._may_crash = may_crash
        self._operations = world.operations
        self._operations.search = getcurrent()
        self._runners: Mapping[str, greenlet] = {name: greenlet(a) for name, a in world.actors.items()}
        for runner in self._runners.values():
            self._operations.seen[runner] = 0
            self._operations.has_written[runner] = False
            runner.switch()
        for choice in schedule:
            self.do(choice)

    def do(self, choice: str) -> None:
        if choice.startswith(CRASH):
            self.crashed = choice.removeprefix(CRASH)
            self._runners[self.crashed].throw(GreenletExit)
        else:
            self._runners[choice].switch()

    def is_over(self) -> bool:
        return all(runner.dead for runner in self._runners.values())

    def choices(self) -> list[str]:
        alive = [name for name, runner in self._runners.items() if not runner.dead]
        if self.crashed is not None:
            return alive
        written = self._operations.has_written
        return [*alive, *(CRASH + n for n in alive if n in self._may_crash and written[self._runners[n]])]

    def touch(self, one: str, other: str) -> bool:
        """Whether the order of two choices can matter."""
        names = [choice.removeprefix(CRASH) for choice in (one, other)]
        crashes = [choice.startswith(CRASH) for choice in (one, other)]
        if names[0] == names[1] or all(crashes):
            return True
        if any(crashes):
            return False
        first, second = (self._operations.pending[self._runners[name]] for name in names)
        return first.touches(second)

    def mark(self) -> int:
        seen = self._operations.seen
        told_so_far = tuple((name, r.dead, seen[r]) for name, r in self._runners.items())
        return hash((self.world.fingerprint(), told_so_far, self.crashed))

    def end(self) -> None:
        self._operations.search = None
        for runner in self._runners.values():
            runner.throw(GreenletExit)
