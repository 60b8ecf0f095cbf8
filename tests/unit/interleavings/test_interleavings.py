"""Every pull ends READY with its file, or FAILURE for a reason of its own, in whatever order things happen."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.interleavings.explorer import Search, World
from tests.unit.interleavings.world import Gateway

SOON = timedelta(seconds=31)


def every_pull_is_ready(world: World) -> None:
    gateway: Gateway = world.facts
    gateway.settle()
    for document in gateway.inner.pulls.find({}):
        assert document["status"] == "READY", f"{document['_id']}: {document}"
    assert gateway.image().state == "READY"
    assert gateway.image().image_id in gateway.files


def one_message_twice() -> World:
    gateway = Gateway()
    gateway.add_pull("p1")
    return World(
        actors={"one": gateway.worker("one", "pull", "p1"), "two": gateway.worker("two", "pull", "p1")},
        operations=gateway.operations,
        fingerprint=gateway.fingerprint,
        facts=gateway,
    )


def test_a_crash_and_a_duplicate_end_ready() -> None:
    assert Search(one_message_twice, every_pull_is_ready, may_crash=frozenset({"one"})).find_fault() is None
