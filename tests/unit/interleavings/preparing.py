"""How far things have come when the actors begin, for the scenarios of several topics."""

from __future__ import annotations

from datetime import timedelta

from imagegw.pipeline import sweeping
from tests.unit.interleavings.actors import do, let_pass, sweep
from tests.unit.interleavings.explorer import Actor
from tests.unit.interleavings.gateway import CLAIM_OVER, KEY, LIFETIME, PLATFORM, REMOVAL_DELAY, Gateway
from tests.unit.interleavings.scenario import Prepare

IMAGE = f"{PLATFORM}:d1"
ARTIFACT = f"{KEY}d1"


def one_pull(gateway: Gateway) -> None:
    gateway.add_pull("p1", uid=1)


def until_fetch(gateway: Gateway) -> None:
    gateway.add_pull("p1", uid=1)
    do(gateway, "pull", "p1")


def until_convert(gateway: Gateway) -> None:
    until_fetch(gateway)
    do(gateway, "artifact", ARTIFACT)


def until_deliver(gateway: Gateway) -> None:
    gateway.add_pull("p1", uid=1)
    do(gateway, "pull", "p1")
    do(gateway, "artifact", ARTIFACT)
    do(gateway, "artifact", ARTIFACT)


def until_ready(gateway: Gateway) -> None:
    until_deliver(gateway)
    do(gateway, "image", IMAGE)


def second_pull(before: Prepare, *, uid: int = 2, tag: str = "app:1") -> Prepare:
    def prepare(gateway: Gateway) -> None:
        before(gateway)
        gateway.add_pull("p2", uid=uid, tag=tag)

    return prepare


def overdue(gateway: Gateway) -> None:
    until_ready(gateway)
    gateway.clock += LIFETIME + timedelta(days=1)


def expired(gateway: Gateway) -> None:
    overdue(gateway)
    sweeping.expire(gateway.desk("expire"))


def file_due(gateway: Gateway) -> None:
    expired(gateway)
    do(gateway, "image", IMAGE)
    gateway.clock += REMOVAL_DELAY


def keeper_of_claims(gateway: Gateway) -> Actor:
    desk = gateway.desk("keeper")

    def act() -> None:
        let_pass(gateway, CLAIM_OVER)
        sweep(desk)

    return act
