"""Several wishes for one image's ACL."""

from __future__ import annotations

from imagegw.domain.acl import Acl
from tests.unit.interleavings.actors import cancel, worker
from tests.unit.interleavings.gateway import Gateway
from tests.unit.interleavings.preparing import IMAGE, until_deliver, until_ready
from tests.unit.interleavings.scenario import Scenario, all_ready, p2_is_ready


def _first_has_gone(gateway: Gateway) -> None:
    """The image is on its way by the first pull's wish, who has cancelled since: one pull less to tell."""
    until_deliver(gateway)
    cancel(gateway, "p1")
    gateway.add_pull("p2", uid=2, wish=Acl(uids=(7,), gids=(8,)))


TWO_WISHES = Scenario(
    prepare=_first_has_gone,
    actors=lambda g: {
        "shipper": worker(g, "shipper", "image", IMAGE),
        "resolver": worker(g, "resolver", "pull", "p2"),
    },
    check=p2_is_ready,
)


def _two_wishes_on_ready(gateway: Gateway) -> None:
    until_ready(gateway)
    gateway.add_pull("p2", uid=2, wish=Acl(uids=(7,)))
    gateway.add_pull("p3", uid=3, wish=Acl(gids=(8,)))


TWO_WISHES_ON_A_READY_IMAGE = Scenario(
    prepare=_two_wishes_on_ready,
    actors=lambda g: {"two": worker(g, "two", "pull", "p2"), "three": worker(g, "three", "pull", "p3")},
    check=all_ready,
)
