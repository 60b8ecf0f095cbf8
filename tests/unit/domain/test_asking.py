"""What a request for a pull means, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from imagegw.domain.acl import Acl
from imagegw.domain.asking import Asker, Join, Serve, Standing, Start, Tell, decide, is_owed
from imagegw.domain.records import Image, Pull, Tag
from imagegw.domain.status import ImageState, PullStatus

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FRESH_FOR = timedelta(minutes=5)
ALICE = Asker(uid=1000, gids=(500,))
LIVE = Pull(
    id="p1",
    platform="one",
    type="docker",
    tag="ubuntu:latest",
    uid=1000,
    gid=500,
    user="alice",
    status=PullStatus.PULLING,
    live=True,
    created=NOW,
    deadline=NOW + timedelta(days=1),
)
FAILED = replace(LIVE, live=None, status=PullStatus.FAILURE, ended=NOW)
DONE = replace(LIVE, live=None, status=PullStatus.READY, ended=NOW, image="one:ab")
IMAGE = Image(id="one:ab", platform="one", image_id="ab", state=ImageState.READY, public=True)
TAG = Tag(
    id="one/docker/ubuntu:latest",
    platform="one",
    type="docker",
    tag="ubuntu:latest",
    image="one:ab",
    digest="ab",
    manifest_digest=None,
    repository="/library/ubuntu",
    public=True,
    resolved_at=NOW - timedelta(minutes=4),
)
PRIVATE = replace(IMAGE, public=False, acl=Acl(uids=(1000,)))
PRIVATE_TAG = replace(TAG, public=False, readers=(1000,))
NOTHING = Standing(newest=None, tag=None, image=None)
READY = Standing(newest=None, tag=TAG, image=IMAGE)


def meaning(
    standing: Standing, asker: Asker = ALICE, *, owed: Pull | None = None, now: datetime = NOW
) -> Tell | Join | Serve | Start:
    return decide(owed, standing, asker, now, FRESH_FOR)


@pytest.mark.parametrize("owed", [LIVE, FAILED, DONE], ids=lambda pull: str(pull.status))
def test_what_is_owed_is_told_whatever_else_there_is(owed: Pull) -> None:
    assert meaning(READY, owed=owed, now=NOW + timedelta(hours=1)) == Tell(pull=owed)


def test_nothing_there_means_a_new_attempt() -> None:
    assert meaning(NOTHING) == Start()


def test_a_live_attempt_of_the_requester_is_theirs() -> None:
    assert meaning(replace(READY, newest=LIVE)) == Join(pull=LIVE)


def test_a_failure_of_the_newest_attempt_means_a_new_one_now() -> None:
    assert meaning(replace(READY, newest=FAILED)) == Start()


def test_a_fresh_image_is_served_without_asking_the_registry() -> None:
    assert meaning(READY) == Serve(tag=TAG, image=IMAGE)


def test_an_old_image_is_asked_for_again() -> None:
    assert meaning(READY, now=NOW + timedelta(minutes=2)) == Start()


def test_freshness_counts_from_the_end_of_the_requesters_own_attempt() -> None:
    # It was resolved ten minutes ago, and converting took until now.
    old = replace(TAG, resolved_at=NOW - timedelta(minutes=10))
    assert meaning(Standing(newest=DONE, tag=old, image=IMAGE)) == Serve(tag=old, image=IMAGE)


def test_an_attempt_that_ended_with_another_image_says_nothing_of_this_one() -> None:
    old = replace(TAG, resolved_at=NOW - timedelta(minutes=10))
    other = replace(DONE, image="one:cd")
    assert meaning(Standing(newest=other, tag=old, image=IMAGE)) == Start()


@pytest.mark.parametrize("state", [state for state in ImageState if state is not ImageState.READY])
def test_an_image_that_is_not_there_means_a_new_attempt(state: ImageState) -> None:
    assert meaning(replace(READY, image=replace(IMAGE, state=state))) == Start()


def test_a_private_image_is_served_to_whom_its_acl_admits() -> None:
    standing = Standing(newest=None, tag=PRIVATE_TAG, image=PRIVATE)
    assert meaning(standing) == Serve(tag=PRIVATE_TAG, image=PRIVATE)


def test_whom_the_acl_does_not_admit_has_to_prove_access() -> None:
    standing = Standing(newest=None, tag=PRIVATE_TAG, image=PRIVATE)
    assert meaning(standing, Asker(uid=1001, gids=(501,))) == Start()


def test_a_private_repositorys_name_for_public_bytes_is_not_given_away() -> None:
    standing = Standing(newest=None, tag=PRIVATE_TAG, image=IMAGE)
    assert meaning(standing, Asker(uid=1001, gids=(501,))) == Start()


def test_an_acl_that_is_met_already_is_no_reason_to_ask_again() -> None:
    wide = replace(PRIVATE, acl=Acl(uids=(1000, 1001)))
    standing = Standing(newest=None, tag=PRIVATE_TAG, image=wide)
    assert meaning(standing, replace(ALICE, wish=Acl(uids=(1001,)))) == Serve(tag=PRIVATE_TAG, image=wide)


def test_another_acl_means_a_new_attempt() -> None:
    standing = Standing(newest=None, tag=PRIVATE_TAG, image=PRIVATE)
    assert meaning(standing, replace(ALICE, wish=Acl(uids=(1001,)))) == Start()


def test_an_acl_for_a_public_image_is_no_reason_to_ask_again() -> None:
    assert meaning(READY, replace(ALICE, wish=Acl(uids=(1001,)))) == Serve(tag=TAG, image=IMAGE)


def test_a_tag_that_moves_while_it_is_read_means_a_new_attempt() -> None:
    assert meaning(replace(READY, image=replace(IMAGE, id="one:cd"))) == Start()


def test_an_outcome_is_owed_while_the_attempt_lives_and_five_minutes_longer() -> None:
    assert is_owed(LIVE, NOW + timedelta(days=1))
    assert is_owed(DONE, NOW + timedelta(minutes=5))
    assert not is_owed(DONE, NOW + timedelta(minutes=5, seconds=1))
