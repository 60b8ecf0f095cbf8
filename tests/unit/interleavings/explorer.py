"""Runs actors through all interleavings of their operations.

The actors are the very functions that the services call. Every operation on something shared is a point at
which another actor may run, and at which one actor may crash for good. Of schedules that only swap operations
which do not touch each other, one is followed (sleep sets, Godefroid 1996), and of those that bring the world
and every actor to the same point, one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    def touches(self, other: Operation) -> bool:
        """Whether the order of the two can matter."""
        if "*" in {self.kind, other.kind}:
            return True
        if self.kind != other.kind or not (self.is_write or other.is_write):
            return False
        return "*" in {self.identity, other.identity} or self.identity == other.identity


class Operations:
    """Where actors stand still: one switchboard between them and the search."""

    def __init__(self) -> None:
        self.search: greenlet | None = None
        self.seen: dict[greenlet, list[str]] = {}
        self.pending: dict[greenlet, Operation] = {}

    def step(self, operation: Operation, perform: Callable[[], Any]) -> Any:
        """Perform it when the search lets the calling actor go on (outside a search: at once)."""
        current = getcurrent()
        if self.search is None or current not in self.seen:
            return perform()
        self.pending[current] = operation
        self.search.switch()
        result = perform()
        self.seen[current].append(repr(result))
        return result


@dataclass(kw_only=True)
class World:
    """What the actors share; built afresh, and alike, for every schedule."""

    actors: dict[str, Actor]
    operations: Operations
    fingerprint: Callable[[], str]
    facts: Any
    """The scenario's own view of the world, for its check."""


@dataclass
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
        may_crash: actors of whom one may crash, before any of its operations.
    """

    build: Callable[[], World]
    check: Callable[[World], None]
    may_crash: frozenset[str] = frozenset()
    limit: int = 40_000
    schedules: int = field(default=0, init=False)
    _slept: dict[int, frozenset[str]] = field(default_factory=dict, init=False)

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
            if not enabled and known is None:
                return self._judge(run.world, schedule)
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

    def _judge(self, world: World, schedule: list[str]) -> Fault | None:
        world.operations.search = None
        try:
            self.check(world)
        except AssertionError as broken:
            return Fault(schedule=schedule, reason=str(broken))
        return None


class _Run:
    """One world on its way along a schedule."""

    def __init__(self, world: World, schedule: list[str], may_crash: frozenset[str]) -> None:
        self.world = world
        self._may_crash = may_crash
        self._crashed: str | None = None
        world.operations.search = getcurrent()
        self._runners: Mapping[str, greenlet] = {name: greenlet(a) for name, a in world.actors.items()}
        for runner in self._runners.values():
            world.operations.seen[runner] = []
            runner.switch()
        for choice in schedule:
            self.do(choice)

    def do(self, choice: str) -> None:
        if choice.startswith(CRASH):
            self._crashed = choice.removeprefix(CRASH)
            self._runners[self._crashed].throw(GreenletExit)
        else:
            self._runners[choice].switch()

    def choices(self) -> list[str]:
        alive = [name for name, runner in self._runners.items() if not runner.dead]
        crashes = sorted(self._may_crash & set(alive)) if self._crashed is None else []
        return [*alive, *(CRASH + name for name in crashes)]

    def touch(self, one: str, other: str) -> bool:
        """Whether the order of two choices can matter."""
        names = [choice.removeprefix(CRASH) for choice in (one, other)]
        crashes = [choice.startswith(CRASH) for choice in (one, other)]
        if names[0] == names[1] or all(crashes):
            return True
        if any(crashes):
            return False
        first, second = (self.world.operations.pending[self._runners[name]] for name in names)
        return first.touches(second)

    def mark(self) -> int:
        seen = self.world.operations.seen
        told = tuple((name, r.dead, tuple(seen[r])) for name, r in self._runners.items())
        return hash((self.world.fingerprint(), told, self._crashed))

    def end(self) -> None:
        for runner in self._runners.values():
            runner.throw(GreenletExit)
