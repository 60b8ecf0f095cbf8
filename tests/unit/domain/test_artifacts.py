"""An artifact as pulls join it, lose it, and see it made or failed."""

from __future__ import annotations

import pytest

from imagegw.domain import artifacts
from imagegw.domain.artifacts import Making
from imagegw.domain.follow import Demand, Following, follow
from imagegw.domain.records import BlobRef, FileRef, Rounds, RunConfig, Source
from imagegw.domain.status import ArtifactState, Step
from imagegw.domain.work import due
from tests.support.records import FAILURE, NOW, SOURCE, a_pull, an_artifact, an_image

FETCH = due(Step.FETCH, NOW)
FILE = FileRef(digest="sha256:ef", size_bytes=4096)
MAKING = Making(key="key", source=SOURCE, manifest_digest="sha256:cd", format="squashfs", options={})
OTHER = Source(location="", repository="library/other")


def test_an_artifact_that_is_needed_is_fetched_at_once() -> None:
    made = artifacts.new(MAKING, NOW, needed=True)

    assert (made.state, made.work) == (ArtifactState.FETCH, FETCH)


def test_an_artifact_that_is_not_needed_waits_until_it_is() -> None:
    made = artifacts.new(MAKING, NOW, needed=False)

    assert (made.state, made.work) == (ArtifactState.IDLE, None)


@pytest.mark.parametrize("state", [ArtifactState.IDLE, ArtifactState.FAILED])
def test_who_needs_what_nobody_makes_begins_a_round(state: ArtifactState) -> None:
    patch = artifacts.join(an_artifact(state, round=3), OTHER, NOW, needed=True)

    assert (patch.set["state"], patch.set["round"], patch.set["work"]) == (ArtifactState.FETCH, 4, FETCH)
    assert patch.set["source"] == OTHER
    assert "error" in patch.unset


@pytest.mark.parametrize("state", [ArtifactState.FETCH, ArtifactState.CONVERT, ArtifactState.MADE])
def test_joining_what_is_made_or_under_way_leaves_it_so(state: ArtifactState) -> None:
    patch = artifacts.join(an_artifact(state), OTHER, NOW, needed=True)

    assert set(patch.set) == {"used_at"}


def test_an_old_failure_ends_no_pull_that_did_not_need_the_artifact_when_it_joined() -> None:
    failed = an_artifact(ArtifactState.FAILED, round=1, error=FAILURE)
    patch = artifacts.join(failed, SOURCE, NOW, needed=False)
    joined = a_pull(rounds=Rounds(artifact=patch.set["round"], image=1, acl=1))

    assert (patch.set["state"], patch.set["round"]) == (ArtifactState.IDLE, 2)
    assert "error" in patch.unset
    assert follow(joined, failed, an_image()) == Following()
    assert follow(joined, an_artifact(ArtifactState.IDLE, round=2), an_image()).demand is Demand.FETCH


@pytest.mark.parametrize("state", [state for state in ArtifactState if state is not ArtifactState.IDLE])
def test_a_demand_begins_only_what_is_idle(state: ArtifactState) -> None:
    assert artifacts.begin(an_artifact(state), NOW) is None


def test_a_demand_begins_an_idle_artifact_in_the_next_round() -> None:
    patch = artifacts.begin(an_artifact(ArtifactState.IDLE, round=1), NOW)

    assert patch is not None
    assert (patch.set["state"], patch.set["round"]) == (ArtifactState.FETCH, 2)


def test_a_made_file_that_vanished_is_fetched_again() -> None:
    patch = artifacts.lose(an_artifact(ArtifactState.MADE, round=2), 2, NOW)

    assert patch is not None
    assert (patch.set["state"], patch.set["round"]) == (ArtifactState.FETCH, 3)


def test_a_loss_that_was_seen_in_an_earlier_round_is_none() -> None:
    assert artifacts.lose(an_artifact(ArtifactState.MADE, round=2), 1, NOW) is None


def test_a_layer_that_vanished_is_fetched_in_the_same_round() -> None:
    patch = artifacts.refetch("sha256:01", NOW)

    assert patch.set == {"state": ArtifactState.FETCH, "work": FETCH}


def test_a_fetch_ends_with_the_conversion_due() -> None:
    layer = BlobRef(digest="sha256:01", size_bytes=10, media_type="tar")
    patch = artifacts.end_fetch([layer], RunConfig(), large=True, now=NOW)

    assert (patch.set["state"], patch.set["work"].step) == (ArtifactState.CONVERT, Step.CONVERT)
    assert (patch.set["layers"], patch.set["large"]) == ((layer,), True)


def test_a_conversion_ends_made() -> None:
    patch = artifacts.end_convert(FILE, {}, None, examine=False, now=NOW)

    assert (patch.set["state"], patch.set["squashfs"]) == (ArtifactState.MADE, FILE)
    assert "work" in patch.unset


def test_a_conversion_ends_with_the_examination_due_where_the_site_has_an_examiner() -> None:
    patch = artifacts.end_convert(FILE, {}, None, examine=True, now=NOW)

    assert (patch.set["state"], patch.set["work"].step) == (ArtifactState.EXAMINE, Step.EXAMINE)
    assert "work" not in patch.unset


def test_a_failure_is_kept_and_ends_the_work() -> None:
    patch = artifacts.fail(FAILURE)

    assert (patch.set["state"], patch.set["error"]) == (ArtifactState.FAILED, FAILURE)
    assert "work" in patch.unset
