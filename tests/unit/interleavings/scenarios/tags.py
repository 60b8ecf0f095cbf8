"""A tag moves, or goes, while others rely on it."""

from __future__ import annotations

from datetime import timedelta

from imagegw.pipeline import sweeping
from tests.unit.interleavings.actors import do, worker
from tests.unit.interleavings.explorer import Actor
from tests.unit.interleavings.gateway import CLAIM_OVER, KEY, LIFETIME, PLATFORM, UNTAGGED_AFTER, Gateway
from tests.unit.interleavings.preparing import IMAGE, second_pull, until_ready
from tests.unit.interleavings.scenario import Scenario, all_ready


def _two_resolutions(gateway: Gateway) -> None:
    for name, digest in (("p1", "d1"), ("p2", "d2")):
        gateway.digest = digest
        gateway.add_pull(name, uid=int(name[1]))
        do(gateway, "pull", name)
        do(gateway, "artifact", f"{KEY}{digest}")
        do(gateway, "artifact", f"{KEY}{digest}")
        gateway.clock += timedelta(seconds=1)


def _newest_holds_the_tag(gateway: Gateway) -> None:
    all_ready(gateway)
    (tag,) = gateway.inner.tags.find({})
    assert tag["digest"] == "d2", f"the tag stands for {tag['digest']}, which was resolved earlier"


TAG_MOVE_AGAINST_LATE_DELIVERY = Scenario(
    prepare=_two_resolutions,
    actors=lambda g: {
        "old": worker(g, "old", "image", IMAGE),
        "new": worker(g, "new", "image", f"{PLATFORM}:d2"),
    },
    check=_newest_holds_the_tag,
)


def _tag_remover(gateway: Gateway) -> Actor:
    desk = gateway.desk("expire")
    return lambda: sweeping.expire_tag(desk, f"{PLATFORM}/docker/app:1", UNTAGGED_AFTER)


def _tagged_is_kept(gateway: Gateway) -> None:
    all_ready(gateway)
    image = gateway.image()
    assert image.expires is not None
    assert image.expires >= gateway.clock + LIFETIME - CLAIM_OVER, "an image that has a tag expires in a minute"


LAST_TAG_AGAINST_NEW_TAG = Scenario(
    prepare=second_pull(until_ready, uid=1, tag="app:2"),
    actors=lambda g: {"expire": _tag_remover(g), "resolver": worker(g, "resolver", "pull", "p2")},
    check=_tagged_is_kept,
)
