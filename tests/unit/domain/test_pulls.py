"""A pull as it is made, and an ACL that is wished while it is live."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from imagegw.domain import pulls
from imagegw.domain.acl import Acl
from imagegw.domain.records import Pull, Rounds
from imagegw.domain.status import PullStatus, Step
from imagegw.domain.work import due

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WISH = Acl(uids=(1001,))
WAITING = Pull(
    id="p1",
    platform="one",
    type="docker",
    tag="ubuntu:latest",
    uid=1000,
    gid=500,
    user="alice",
    live=True,
    created=NOW,
    deadline=NOW + timedelta(days=1),
)
JOINED = replace(WAITING, status=PullStatus.PULLING, image="one:ab", rounds=Rounds(artifact=1, image=1, acl=1))


def test_a_pull_that_there_is_room_for_is_admitted_as_it_is_made() -> None:
    begun = pulls.begin(WAITING, NOW)

    assert (begun.status, begun.admitted, begun.work) == (PullStatus.PENDING, NOW, due(Step.RESOLVE, NOW))


def test_an_import_that_there_is_room_for_goes_to_the_platform() -> None:
    begun = pulls.begin(replace(WAITING, type="custom", import_path="/a.squashfs"), NOW)

    assert begun.work == due(Step.IMPORT, NOW)


def test_a_wish_that_comes_before_the_image_is_joined_is_only_kept() -> None:
    patch = pulls.replace_wish(WAITING, WISH, NOW)

    assert patch is not None
    assert (dict(patch.set), patch.unset) == ({"wish": WISH}, ())


def test_a_wish_that_comes_after_the_image_was_joined_has_it_joined_again() -> None:
    patch = pulls.replace_wish(JOINED, WISH, NOW)

    assert patch is not None
    assert patch.set == {"wish": WISH, "work": due(Step.RESOLVE, NOW)}
    assert patch.unset == ("rounds",)


def test_no_wish_and_the_same_wish_change_nothing() -> None:
    assert pulls.replace_wish(JOINED, None, NOW) is None
    assert pulls.replace_wish(replace(JOINED, wish=WISH), WISH, NOW) is None


def test_an_ended_pull_takes_no_wish() -> None:
    assert pulls.replace_wish(replace(JOINED, live=None, status=PullStatus.READY), WISH, NOW) is None


def test_a_resolve_ends_with_what_was_joined() -> None:
    rounds = Rounds(artifact=1, image=2, acl=3)
    patch = pulls.end_resolve(replace(WAITING, wish=WISH), rounds, wished=WISH, now=NOW)

    assert patch is not None
    assert (dict(patch.set), patch.unset) == ({"rounds": rounds}, ("work", "status_message"))


def test_a_wish_that_came_while_the_image_was_joined_has_it_joined_again() -> None:
    rounds = Rounds(artifact=1, image=2, acl=3)
    patch = pulls.end_resolve(replace(WAITING, wish=WISH), rounds, wished=None, now=NOW)

    assert patch is not None
    assert patch.set == {"work": due(Step.RESOLVE, NOW)}
