"""Every pull ends READY with the right file, or FAILURE for a reason of its own, in whatever order things happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.unit.interleavings.explorer import Search, World
from tests.unit.interleavings.world import KEY, PLATFORM, Gateway

SOON = timedelta(seconds=31)


def world(gateway: Gateway, **actors: Callable[[], None]) -> World:
    return World(
        actors=actors, operations=gateway.operations, fingerprint=gateway.fingerprint, facts=gateway
    )


def every_pull_is_ready(world: World) -> None:
    gateway: Gateway = world.facts
    gateway.settle()
    for document in gateway.inner.pulls.find({}):
        assert document["status"] == "READY", f"{document['_id']}: {document}"
    assert gateway.image().state == "READY"
    assert gateway.image().image_id in gateway.files


def test_two_workers_one_message_and_a_duplicate() -> None:
    def build() -> World:
        g = Gateway()
        g.add_pull("p1")
        return world(
            g,
            one=g.worker("one", "pull", "p1"),
            two=g.worker("two", "pull", "p1"),
            keeper=g.keeper("keeper", after=SOON),
        )

    search = Search(build, every_pull_is_ready, may_crash=frozenset({"one"}))
    start = time.monotonic()
    print(search.find_fault(), search.schedules, time.monotonic() - start)
