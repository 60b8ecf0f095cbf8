"""Where a pull stands by its artifact and image, and what it demands, row by row."""

from __future__ import annotations

import pytest

from imagegw.domain.follow import Demand, Following, follow, restore
from imagegw.domain.records import Rounds
from imagegw.domain.status import ArtifactState, ImageState, PullStatus
from tests.support.records import FAILURE, a_pull, an_artifact, an_image

STAY = Following()
FAIL = Following(status=PullStatus.FAILURE, demand=Demand.FAIL, failure=FAILURE)


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (ArtifactState.IDLE, Following(demand=Demand.FETCH)),
        (ArtifactState.FETCH, Following(status=PullStatus.PULLING)),
        (ArtifactState.CONVERT, Following(status=PullStatus.CONVERSION)),
        (ArtifactState.EXAMINE, Following(status=PullStatus.EXAMINATION)),
        (ArtifactState.MADE, Following(status=PullStatus.TRANSFER, demand=Demand.DELIVER)),
        (ArtifactState.FAILED, FAIL),
    ],
)
def test_a_wanted_image_is_where_its_artifact_is(state: ArtifactState, found: Following) -> None:
    assert follow(a_pull(), an_artifact(state, error=FAILURE), an_image()) == found


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (ImageState.DELIVER, Following(status=PullStatus.TRANSFER)),
        (ImageState.READY, Following(demand=Demand.FINISH)),
        (ImageState.EXPIRING, Following(demand=Demand.DELIVER)),
        (ImageState.EXPIRED, Following(demand=Demand.WANT)),
        (ImageState.FAILED, FAIL),
    ],
)
def test_past_its_artifact_a_pull_is_where_its_image_is(state: ImageState, found: Following) -> None:
    image = an_image(state, acl_version=1, error=FAILURE)

    assert follow(a_pull(), an_artifact(ArtifactState.MADE), image) == found


def test_a_ready_image_without_the_pulls_own_acl_is_delivered_first() -> None:
    pull = a_pull(rounds=Rounds(artifact=1, image=1, acl=2))
    found = follow(pull, None, an_image(ImageState.READY, acl_version=1))

    assert found == Following(status=PullStatus.TRANSFER, demand=Demand.DELIVER)


@pytest.mark.parametrize(("joined", "fails"), [(1, True), (2, True), (3, False)])
def test_a_failed_artifact_ends_pulls_of_its_round_and_earlier_ones(joined: int, fails: bool) -> None:
    pull = a_pull(rounds=Rounds(artifact=joined, image=1, acl=1))
    found = follow(pull, an_artifact(ArtifactState.FAILED, round=2, error=FAILURE), an_image())

    assert found == (FAIL if fails else STAY)


@pytest.mark.parametrize(("joined", "fails"), [(1, True), (2, True), (3, False)])
def test_a_failed_image_ends_pulls_of_its_round_and_earlier_ones(joined: int, fails: bool) -> None:
    pull = a_pull(rounds=Rounds(artifact=1, image=joined, acl=1))
    found = follow(pull, None, an_image(ImageState.FAILED, round=2, error=FAILURE))

    assert found == (FAIL if fails else STAY)


def test_a_pull_that_has_not_joined_is_left_alone() -> None:
    failed = an_artifact(ArtifactState.FAILED, error=FAILURE)

    assert follow(a_pull(rounds=None), failed, an_image()) == STAY


def test_an_ended_pull_is_left_alone() -> None:
    ended = a_pull(live=None, status=PullStatus.FAILURE)

    assert follow(ended, None, an_image(ImageState.READY, acl_version=1)) == STAY


def test_an_import_that_is_gone_ends_its_pull_with_the_reason() -> None:
    image = an_image(ImageState.EXPIRED, artifact=None, import_path="/a.squashfs", error=FAILURE)

    assert follow(a_pull(artifact=None), None, image) == FAIL


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (ArtifactState.IDLE, Following(demand=Demand.FETCH)),
        (ArtifactState.CONVERT, STAY),
        (ArtifactState.MADE, Following(demand=Demand.DELIVER)),
        (ArtifactState.FAILED, Following(demand=Demand.FAIL, failure=FAILURE)),
    ],
)
def test_an_image_that_lost_its_file_demands_what_a_pull_would(state: ArtifactState, found: Following) -> None:
    assert restore(an_image(is_restoring=True), an_artifact(state, error=FAILURE)) == found


def test_an_image_that_did_not_lose_its_file_demands_nothing_for_itself() -> None:
    assert restore(an_image(), an_artifact(ArtifactState.IDLE)) == STAY
