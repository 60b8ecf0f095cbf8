"""What a scenario is, and how it is explored and judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from unittest.mock import patch

from imagegw.pipeline import following, sweeping
from tests.unit.interleavings.actors import drain, settle
from tests.unit.interleavings.explorer import Actor, Fault, Search, World
from tests.unit.interleavings.gateway import Gateway
from tests.unit.interleavings.stepped import ExploredDesk

Check = Callable[[Gateway], None]
Prepare = Callable[[Gateway], object]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is there, who acts on it, and what must hold at the end beside the standing promises."""

    prepare: Prepare
    actors: Callable[[Gateway], Mapping[str, Actor]]
    check: Check = lambda _: None
    may_crash: frozenset[str] = frozenset()
    needs_keeper: bool = False
    """Whether a claim may be left for the keeper even when nobody crashes."""

    def explore(self) -> Fault | None:
        """The first schedule that breaks a promise."""
        with (
            patch.object(following, "follow_pull", _forgetful(following.follow_pull)),
            patch.object(sweeping, "follow_pull", _forgetful(following.follow_pull)),
        ):
            return self.search().find_fault()

    def search(self) -> Search:
        """The search for such a schedule."""
        prepared = Gateway()
        self.prepare(prepared)
        prepared.queue = sorted(set(prepared.queue))
        assert not prepared.promises.broken

        def build() -> World:
            gateway = prepared.copy()
            return World(
                actors=dict(self.actors(gateway)),
                operations=gateway.operations,
                fingerprint=gateway.fingerprint,
                outcome=gateway.outcome,
                facts=gateway,
            )

        return Search(build, self._judge, may_crash=self.may_crash)

    def _judge(self, world: World, has_crashed: bool) -> None:
        gateway: Gateway = world.facts
        drain(gateway)
        if not has_crashed and not self.needs_keeper:
            left = [d["_id"] for d in gateway.inner.pulls.find({"live": True})]
            assert not left, f"nobody tells {left} how things stand"
        settle(gateway)
        assert not gateway.promises.broken, gateway.promises.broken[0]
        left = [d["_id"] for d in gateway.inner.pulls.find({"live": True})]
        assert not left, f"{left} never ended"
        self.check(gateway)


def _forgetful(follow_pull: Callable[..., None]) -> Callable[..., None]:
    """It returns nothing: of what it was told on its way nothing is left in its caller."""

    def forgetful(desk: ExploredDesk, *args: object) -> None:
        with desk.operations.forgetting():
            follow_pull(desk, *args)

    return forgetful


def all_ready(gateway: Gateway) -> None:
    for document in gateway.inner.pulls.find({}):
        assert document["status"] == "READY", f"{document['_id']} ended as {document['status']}"


def who_did_not_cancel_is_ready(gateway: Gateway) -> None:
    for document in gateway.inner.pulls.find({}):
        cancelled = document.get("error", {}).get("code") == "cancelled"
        assert cancelled or document["status"] == "READY", f"{document['_id']} ended as {document['status']}"


def p2_is_ready(gateway: Gateway) -> None:
    assert gateway.pull("p2").status == "READY", gateway.pull("p2").error
