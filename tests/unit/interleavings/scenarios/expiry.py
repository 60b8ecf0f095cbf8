"""An image's time is up while somebody asks for it."""

from __future__ import annotations

from imagegw.pipeline import sweeping
from tests.unit.interleavings.actors import look_up, worker
from tests.unit.interleavings.explorer import Actor
from tests.unit.interleavings.gateway import CLAIM_OVER, LIFETIME, Gateway
from tests.unit.interleavings.preparing import overdue, second_pull
from tests.unit.interleavings.scenario import Scenario, all_ready


def _expirer(gateway: Gateway) -> Actor:
    desk = gateway.desk("expirer")
    return lambda: sweeping.expire(desk)


EXPIRY_AGAINST_PULL = Scenario(
    prepare=second_pull(overdue, uid=1),
    actors=lambda g: {"expirer": _expirer(g), "resolver": worker(g, "resolver", "pull", "p2")},
    check=all_ready,
)


def _told_is_kept(gateway: Gateway) -> None:
    image = gateway.image()
    for _ in gateway.told_ready:
        assert image.state == "READY", f"a lookup was told READY, and the image is {image.state}"
        assert image.expires is not None
        assert image.expires >= gateway.clock + LIFETIME - CLAIM_OVER, "a lookup was told READY and pushed nothing"


def _lookup(gateway: Gateway) -> Actor:
    desk = gateway.desk("lookup")
    return lambda: look_up(gateway, desk)


EXPIRY_AGAINST_LOOKUP = Scenario(
    prepare=overdue,
    actors=lambda g: {"expirer": _expirer(g), "lookup": _lookup(g)},
    check=_told_is_kept,
)
