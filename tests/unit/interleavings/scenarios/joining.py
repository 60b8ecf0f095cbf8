"""A pull joins what others make, have made, have given up or have failed to make."""

from __future__ import annotations

from imagegw.domain.acl import Acl
from imagegw.pipeline import following
from imagegw.pipeline.desk import Desk
from tests.unit.interleavings.actors import cancel, do, worker
from tests.unit.interleavings.explorer import Actor, Operation
from tests.unit.interleavings.gateway import LIFETIME, Gateway
from tests.unit.interleavings.preparing import ARTIFACT, second_pull, until_convert
from tests.unit.interleavings.scenario import Scenario, all_ready, p2_is_ready
from tests.unit.interleavings.stepped import ExploredDesk

JOIN_AGAINST_MADE = Scenario(
    prepare=second_pull(until_convert),
    actors=lambda g: {
        "converter": worker(g, "converter", "artifact", ARTIFACT),
        "resolver": worker(g, "resolver", "pull", "p2"),
    },
    check=all_ready,
)


def _two_pulls(gateway: Gateway) -> None:
    gateway.add_pull("p1", uid=1)
    gateway.add_pull("p2", uid=2, wish=Acl(uids=(7,)))


TWO_JOIN_AT_ONCE = Scenario(
    prepare=_two_pulls,
    actors=lambda g: {"one": worker(g, "one", "pull", "p1"), "two": worker(g, "two", "pull", "p2")},
    check=all_ready,
)


def _nobody_waits(gateway: Gateway) -> None:
    gateway.add_pull("p1", uid=1)
    do(gateway, "pull", "p1")
    cancel(gateway, "p1")
    gateway.add_pull("p2", uid=2)


IDLE_AGAINST_JOIN = Scenario(
    prepare=_nobody_waits,
    actors=lambda g: {
        "fetcher": worker(g, "fetcher", "artifact", ARTIFACT),
        "resolver": worker(g, "resolver", "pull", "p2"),
    },
    check=p2_is_ready,
)


def _bad_manifest(gateway: Gateway) -> None:
    gateway.is_manifest_bad = True
    gateway.add_pull("p1", uid=1)
    do(gateway, "pull", "p1")
    gateway.add_pull("p2", uid=2)


NEW_ATTEMPT_AGAINST_OLD_FAILURE = Scenario(
    prepare=_bad_manifest,
    actors=lambda g: {
        "fetcher": worker(g, "fetcher", "artifact", ARTIFACT),
        "resolver": worker(g, "resolver", "pull", "p2"),
    },
)


def _failed_once(gateway: Gateway) -> None:
    _bad_manifest(gateway)
    do(gateway, "artifact", ARTIFACT)


class _Deposed:
    """Artifacts as they stood when a primary was deposed that goes on answering for a while."""

    def __init__(self, desk: Desk, gateway: Gateway) -> None:
        self._database = desk.database
        self._gateway = gateway
        self._then = dict(gateway.inner.artifacts.documents)  # type: ignore[attr-defined]

    def get(self, identity: str) -> object:
        operation = Operation(kind="deposed")
        return self._gateway.operations.step(operation, lambda: self._then.get(identity))

    def __getattr__(self, name: str) -> object:
        return getattr(self._database.artifacts, name)


class _DatabaseInFailover:
    def __init__(self, desk: Desk, gateway: Gateway) -> None:
        self.artifacts = _Deposed(desk, gateway)
        self._database = desk.database

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)


def _late_follower(gateway: Gateway, pull: str) -> Actor:
    fresh = gateway.desk("late")
    desk = ExploredDesk(
        database=_DatabaseInFailover(fresh, gateway),  # type: ignore[arg-type]
        now=fresh.now,
        new_id=fresh.new_id,
        operations=gateway.operations,
        holds_rev=gateway.holds_rev,
        host=fresh.host,
        announce=fresh.announce,
    )
    return lambda: following.follow_pull(desk, pull, LIFETIME)


OLD_FAILURE_IN_HAND = Scenario(
    prepare=_failed_once,
    actors=lambda g: {"late": _late_follower(g, "p2"), "resolver": worker(g, "resolver", "pull", "p2")},
    check=p2_is_ready,
)
