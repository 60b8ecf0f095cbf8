"""Which queue the work of a document goes to."""

from __future__ import annotations

import pytest

from imagegw.domain.records import Artifact, Image, Pull
from imagegw.domain.routing import routing_key
from imagegw.domain.status import ArtifactState, ImageState, Step
from imagegw.domain.work import due
from tests.support.records import NOW, a_pull, an_artifact, an_image


@pytest.mark.parametrize(
    ("record", "key"),
    [
        (a_pull(work=due(Step.RESOLVE, NOW)), "resolve"),
        (a_pull(work=due(Step.IMPORT, NOW)), "ship.one"),
        (an_artifact(work=due(Step.FETCH, NOW)), "fetch"),
        (an_artifact(work=due(Step.FETCH, NOW), large=True), "fetch"),
        (an_artifact(ArtifactState.CONVERT, work=due(Step.CONVERT, NOW)), "convert"),
        (an_artifact(ArtifactState.CONVERT, work=due(Step.CONVERT, NOW), large=True), "convert.large"),
        (an_artifact(ArtifactState.EXAMINE, work=due(Step.EXAMINE, NOW)), "convert"),
        (an_image(ImageState.DELIVER, work=due(Step.DELIVER, NOW)), "ship.one"),
        (an_image(ImageState.EXPIRING, work=due(Step.REMOVE, NOW)), "ship.one"),
    ],
)
def test_each_step_has_its_queue(record: Pull | Artifact | Image, key: str) -> None:
    assert routing_key(record) == key


@pytest.mark.parametrize("record", [a_pull(), an_artifact(ArtifactState.MADE), an_image(ImageState.READY)])
def test_what_has_no_work_goes_nowhere(record: Pull | Artifact | Image) -> None:
    assert routing_key(record) is None
