"""One message twice, holders that crash, pause or renew, and the keeper that frees their claims."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.interleavings.actors import (
    cancel,
    do,
    let_pass,
    pause,
    paused_worker,
    perform,
    renewing_worker,
    sweep,
    worker,
)
from tests.unit.interleavings.explorer import Actor
from tests.unit.interleavings.gateway import CLAIM_OVER, Gateway
from tests.unit.interleavings.preparing import (
    ARTIFACT,
    IMAGE,
    expired,
    file_due,
    keeper_of_claims,
    one_pull,
    until_convert,
    until_deliver,
    until_fetch,
)
from tests.unit.interleavings.scenario import Prepare, Scenario, all_ready, who_did_not_cancel_is_ready

ONE_MESSAGE_TWICE = Scenario(
    prepare=one_pull,
    actors=lambda g: {"one": worker(g, "one", "pull", "p1"), "two": worker(g, "two", "pull", "p1")},
    check=all_ready,
    may_crash=frozenset({"one"}),
)


KEEPER_AND_DUPLICATE = Scenario(
    prepare=one_pull,
    actors=lambda g: {
        "one": worker(g, "one", "pull", "p1"),
        "two": worker(g, "two", "pull", "p1"),
        "keeper": keeper_of_claims(g),
    },
    check=all_ready,
    may_crash=frozenset({"one"}),
)


def _with_a_crash(prepare: Prepare, kind: str, identity: str) -> Scenario:
    return Scenario(
        prepare=prepare,
        actors=lambda g: {"one": worker(g, "one", kind, identity), "two": worker(g, "two", kind, identity)},
        check=all_ready,
        may_crash=frozenset({"one"}),
    )


CRASH_IN_EACH_STEP = {
    "fetch": _with_a_crash(until_fetch, "artifact", ARTIFACT),
    "convert": _with_a_crash(until_convert, "artifact", ARTIFACT),
    "deliver": _with_a_crash(until_deliver, "image", IMAGE),
}


def _others(gateway: Gateway, *messages: tuple[str, str]) -> Actor:
    """Time passes, the keeper frees what is not renewed, and others do the work."""
    keeper = gateway.desk("keeper")
    others = [(gateway.desk(f"other{n}"), *message) for n, message in enumerate(messages)]

    def act() -> None:
        let_pass(gateway, CLAIM_OVER)
        sweep(keeper)
        for desk, kind, identity in others:
            perform(gateway, desk, kind, identity)

    return act


def _paused(prepare: Prepare, *messages: tuple[str, str]) -> Scenario:
    return Scenario(
        prepare=prepare,
        actors=lambda g: {"paused": paused_worker(g), "others": _others(g, *messages)},
        check=who_did_not_cancel_is_ready,
    )


def _claimed(before: Prepare, kind: str, identity: str) -> Callable[[Gateway], None]:
    def prepare(gateway: Gateway) -> None:
        before(gateway)
        pause(gateway, kind, identity)

    return prepare


def _until_deliver_for_nobody(gateway: Gateway) -> None:
    until_deliver(gateway)
    cancel(gateway, "p1")


def _claimed_then_wanted(before: Prepare) -> Callable[[Gateway], None]:
    """A holder of the image's step is paused; then a second pull joins the image."""

    def prepare(gateway: Gateway) -> None:
        _claimed(before, "image", IMAGE)(gateway)
        gateway.add_pull("p2", uid=2)
        do(gateway, "pull", "p2")

    return prepare


PAUSED = {
    "resolver": _paused(_claimed(one_pull, "pull", "p1"), ("pull", "p1")),
    "converter": _paused(_claimed(until_convert, "artifact", ARTIFACT), ("artifact", ARTIFACT)),
    "shipper": _paused(_claimed_then_wanted(_until_deliver_for_nobody), ("image", IMAGE)),
    "remover of .meta": _paused(_claimed_then_wanted(expired), ("image", IMAGE), ("image", IMAGE)),
    "remover of the file": _paused(_claimed_then_wanted(file_due), ("image", IMAGE), ("image", IMAGE)),
}


RENEWAL_AGAINST_FREEING = Scenario(
    prepare=until_deliver,
    actors=lambda g: {"holder": renewing_worker(g, "holder", IMAGE), "keeper": keeper_of_claims(g)},
    check=all_ready,
)


def _nine_crashes(gateway: Gateway) -> None:
    until_deliver(gateway)
    document = gateway.inner.images.documents[IMAGE]  # type: ignore[attr-defined]
    document["work"]["crashes"] = 9


RENEWAL_AGAINST_BLAME = Scenario(
    prepare=_nine_crashes,
    actors=lambda g: {"holder": renewing_worker(g, "holder", IMAGE), "keeper": keeper_of_claims(g)},
)
