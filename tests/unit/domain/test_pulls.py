"""A pull as it is made, and an ACL that is wished while it is live."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from imagegw.domain import pulls
from imagegw.domain.acl import Acl
from imagegw.domain.records import Pull, Rounds
from imagegw.domain.status import PullStatus, Step
from imagegw.domain.work import due
from tests.support.records import FAILURE, SOURCE

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

LINK = pulls.Link(
    source=SOURCE,
    digest="sha256:ab",
    manifest_digest="sha256:cd",
    public=True,
    resolved_at=NOW,
    artifact="key",
    image="one:cd",
)


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


def test_a_pull_is_admitted_once() -> None:
    patch = pulls.admit(WAITING, NOW)

    assert patch is not None
    assert (patch.set["status"], patch.set["admitted"]) == (PullStatus.PENDING, NOW)
    assert pulls.admit(replace(WAITING, admitted=NOW), NOW) is None


def test_a_new_link_takes_older_rounds_away() -> None:
    patch = pulls.link(JOINED, LINK)

    assert patch is not None
    assert (patch.set["artifact"], patch.set["image"], patch.unset) == ("key", "one:cd", ("rounds",))


@pytest.mark.parametrize("status", [PullStatus.INIT, PullStatus.PENDING, PullStatus.PULLING])
def test_a_pull_never_moves_backward_nor_stays(status: PullStatus) -> None:
    assert pulls.move(JOINED, status) is None


@pytest.mark.parametrize("status", [PullStatus.READY, PullStatus.FAILURE])
def test_a_pull_does_not_end_by_a_move(status: PullStatus) -> None:
    assert pulls.move(JOINED, status) is None


def test_a_pull_may_skip_statuses() -> None:
    patch = pulls.move(JOINED, PullStatus.TRANSFER)

    assert patch is not None
    assert (dict(patch.set), patch.is_event) == ({"status": PullStatus.TRANSFER}, True)


def test_a_pull_that_failed_says_why() -> None:
    patch = pulls.fail(JOINED, FAILURE, NOW)

    assert patch is not None
    assert (patch.set["error"], patch.set["status_message"]) == (FAILURE, FAILURE.message)


@pytest.mark.parametrize("ended", [PullStatus.READY, PullStatus.FAILURE])
def test_nothing_happens_to_a_pull_that_has_ended(ended: PullStatus) -> None:
    pull = replace(JOINED, status=ended, live=None)

    assert pulls.fail(pull, FAILURE, NOW) is None
    assert pulls.finish(pull, NOW) is None
    assert pulls.link(pull, LINK) is None
    assert pulls.admit(replace(pull, admitted=None), NOW) is None


def test_a_pull_is_late_at_its_deadline_and_only_while_it_lives() -> None:
    assert pulls.is_past_deadline(WAITING, WAITING.deadline)
    assert not pulls.is_past_deadline(WAITING, WAITING.deadline - timedelta(milliseconds=1))
    assert not pulls.is_past_deadline(replace(WAITING, live=None), WAITING.deadline)
