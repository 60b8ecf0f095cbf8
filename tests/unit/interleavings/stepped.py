"""The memory database, and a desk, at whose every operation another actor may run."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from imagegw.mongo.change import Decide, Outcome
from imagegw.mongo.documents import Record
from imagegw.mongo.memory import MemoryCollection, MemoryDatabase
from imagegw.pipeline.desk import Desk
from tests.unit.interleavings.explorer import Operation, Operations
from tests.unit.interleavings.promises import Promises

_READS = frozenset({"get", "find", "count"})


class Watched(Protocol):
    """What of a gateway is needed to stop at its operations and to watch what they change."""

    operations: Operations
    inner: MemoryDatabase
    clock: datetime
    promises: Promises
    holds_rev: dict[str, tuple[str, str, int]]


class SteppedCollection:
    """A collection at whose every operation another actor may run."""

    def __init__(self, name: str, gateway: Watched, actor: str) -> None:
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


HISTORY = frozenset({"history"})
_NOT_TOLD = frozenset({"history", "rev", "host"})


def _without_history(value: Any) -> Any:
    return without(value, HISTORY)


def without(value: Any, names: Container[str]) -> Any:
    if isinstance(value, dict):
        return {name: without(item, names) for name, item in value.items() if name not in names}
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

    def __init__(self, gateway: Watched, actor: str) -> None:
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


def told(result: Any) -> str:
    """A result without what no decision looks at: history is for people, `rev` is looked at by `change` alone."""
    names = HISTORY if isinstance(result, dict) and "readers" in result else _NOT_TOLD
    return repr(without(result, names))
