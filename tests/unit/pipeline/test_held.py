"""The look at a claim before something that cannot be taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from imagegw.domain import artifacts
from imagegw.domain.records import Artifact
from imagegw.domain.status import Step
from imagegw.domain.work import CLAIM_S
from imagegw.errors import ClaimLost
from imagegw.mongo.memory import MemoryDatabase
from imagegw.pipeline import performing, sweeping
from imagegw.pipeline.performing import Held
from tests.support.working import Bench, Noted


class Watched(MemoryDatabase):
    """A bench's database whose artifacts count what is written without waiting for the journal."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.artifacts = Noted(bench.database.artifacts)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def held(bench: Bench) -> Held[Artifact]:
    found = performing.take(bench.desk, Artifact, "a", [Step.FETCH])
    assert found is not None
    return found


def test_a_look_renews_the_claim_for_as_long_as_a_new_one(bench: Bench, held: Held[Artifact]) -> None:
    bench.clock.move(CLAIM_S - 1)
    held.check()

    assert bench.document["work"]["wake"] == bench.clock.now() + timedelta(seconds=CLAIM_S)


def test_a_claim_that_was_looked_at_outlasts_the_moment_in_which_it_would_have_ended(
    bench: Bench, held: Held[Artifact]
) -> None:
    bench.clock.move(CLAIM_S - 1)
    held.check()
    bench.clock.move(2)
    sweeping.sweep(bench.desk, timedelta(days=1), frees_claims=True)

    assert bench.document["work"]["claim"] == held.claim


def test_a_look_is_written_as_durably_as_a_change(bench: Bench, held: Held[Artifact]) -> None:
    watched = Watched(bench)
    bench.clock.move(1)
    replace(held, desk=replace(held.desk, database=watched)).check()

    assert watched.artifacts.notes == []
    assert bench.document["work"]["wake"] == bench.clock.now() + timedelta(seconds=CLAIM_S)


def test_a_claim_that_was_freed_is_lost(bench: Bench, held: Held[Artifact]) -> None:
    bench.clock.move(CLAIM_S + 1)
    sweeping.sweep(bench.desk, timedelta(days=1), frees_claims=True)

    with pytest.raises(ClaimLost):
        held.check()


def test_a_claim_that_another_took_is_lost_and_stays_the_others(bench: Bench, held: Held[Artifact]) -> None:
    bench.clock.move(CLAIM_S + 1)
    sweeping.sweep(bench.desk, timedelta(days=1), frees_claims=True)
    other = performing.take(bench.desk, Artifact, "a", [Step.FETCH])
    assert other is not None
    with pytest.raises(ClaimLost):
        held.check()

    assert bench.document["work"]["claim"] == other.claim


def test_a_claim_whose_step_has_ended_is_lost(bench: Bench, held: Held[Artifact]) -> None:
    bench.desk.change(Artifact, "a", lambda _: artifacts.go_idle(), claim=held.claim)

    with pytest.raises(ClaimLost):
        held.check()
