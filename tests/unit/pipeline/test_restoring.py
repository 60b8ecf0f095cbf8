"""An image that lost its file and cannot be brought back: whoever waits for it hears so."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from imagegw.domain.records import Artifact, Image, Pull
from imagegw.domain.status import ArtifactState, ImageState, PullStatus, Step
from imagegw.domain.work import due
from imagegw.mongo.memory import MemoryDatabase
from imagegw.pipeline import following, performing
from imagegw.pipeline.desk import Desk
from tests.support.records import FAILURE, NOW, a_pull, an_artifact, an_image

LIFETIME = timedelta(days=90)


@pytest.fixture
def desk() -> Desk:
    numbers = count()
    return Desk(
        database=MemoryDatabase(),
        now=lambda: NOW,
        new_id=lambda: f"id{next(numbers)}",
        host="host/1",
        announce=lambda *_: None,
    )


def read_image(desk: Desk) -> Image:
    image = desk.read(Image, "one:ab")
    assert image is not None
    return image


def read_pull(desk: Desk) -> Pull:
    pull = desk.read(Pull, "p1")
    assert pull is not None
    return pull


def test_an_artifact_that_failed_gives_up_the_image_that_waits_for_it(desk: Desk) -> None:
    desk.insert(an_artifact(ArtifactState.FAILED, error=FAILURE))
    desk.insert(an_image(is_restoring=True))
    following.restore_image(desk, "one:ab", LIFETIME)

    image = read_image(desk)
    assert (image.state, image.error) == (ImageState.EXPIRED, FAILURE)


def test_the_pull_that_waits_for_an_image_that_is_given_up_is_told(desk: Desk) -> None:
    desk.insert(an_artifact(ArtifactState.FAILED, error=FAILURE))
    desk.insert(an_image(is_restoring=True))
    desk.insert(a_pull())
    following.restore_image(desk, "one:ab", LIFETIME)

    pull = read_pull(desk)
    assert (pull.status, pull.error) == (PullStatus.FAILURE, FAILURE)


def test_a_fetch_that_may_not_ask_gives_up_all_images_that_wait_for_it(desk: Desk) -> None:
    desk.insert(an_artifact(work=due(Step.FETCH, NOW)))
    desk.insert(an_image(is_restoring=True))
    desk.insert(an_image(id="two:ab", platform="two", is_restoring=True))
    following.give_up_restorings(desk, "key", FAILURE)

    assert [image.state for image in desk.find(Image, {})] == [ImageState.EXPIRED] * 2


def test_a_pull_that_came_meanwhile_wants_the_image_that_was_given_up_anew(desk: Desk) -> None:
    desk.insert(an_artifact(work=due(Step.FETCH, NOW)))
    desk.insert(an_image(is_restoring=True))
    held = performing.take(desk, Artifact, "key", [Step.FETCH])
    assert held is not None
    following.give_up_restorings(desk, "key", FAILURE)
    desk.insert(a_pull(status=PullStatus.PENDING))
    performing.record(held, following.rest(desk, held.work), LIFETIME)

    image, artifact = read_image(desk), desk.read(Artifact, "key")
    assert artifact is not None
    assert (image.state, image.round) == (ImageState.WANTED, 2)
    assert (artifact.state, artifact.work is not None) == (ArtifactState.FETCH, True)
    assert read_pull(desk).status is PullStatus.PULLING
