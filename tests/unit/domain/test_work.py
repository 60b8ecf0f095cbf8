"""When a step is due, who may take it, and what becomes of it when its holder is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from imagegw.domain import work
from imagegw.domain.patch import plain
from imagegw.domain.records import Progress, Work
from imagegw.domain.status import Step
from imagegw.mongo.memory import matches, updated

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECONDS = timedelta(seconds=10)
HELD = Work(step=Step.DELIVER, due=NOW, wake=NOW, claim="claim", host="host", attempts=2, crashes=3)


@pytest.mark.parametrize(
    ("due_in", "is_taken"),
    [
        (timedelta(0), True),
        (timedelta(milliseconds=40), True),
        (timedelta(seconds=work.CLOCKS_APART_S), True),
        (timedelta(seconds=15), False),
    ],
)
def test_work_is_taken_when_due_by_the_clock_of_whoever_made_it_due(due_in: timedelta, is_taken: bool) -> None:
    document = {"_id": "one", "work": plain(work.due(Step.DELIVER, NOW + due_in))}
    query, _ = work.take("one", [Step.DELIVER], "claim", "host", NOW)
    assert matches(document, query) is is_taken


@pytest.mark.parametrize(
    "work_as_it_is",
    [
        None,
        replace(work.due(Step.DELIVER, NOW), claim="other"),
        work.due(Step.REMOVE, NOW),
    ],
    ids=["none", "held", "another step"],
)
def test_work_that_is_done_held_or_another_is_not_taken(work_as_it_is: Work | None) -> None:
    document = {"_id": "one", **({} if work_as_it_is is None else {"work": plain(work_as_it_is)})}
    query, _ = work.take("one", [Step.DELIVER], "claim", "host", NOW)

    assert not matches(document, query)


def test_a_claim_stands_for_half_a_minute_and_raises_rev() -> None:
    document = {"_id": "one", "rev": 1, "work": plain(work.due(Step.DELIVER, NOW))}
    _, update = work.take("one", [Step.DELIVER], "claim", "host", NOW)
    taken = updated(document, update)

    assert (taken["work"]["claim"], taken["work"]["host"], taken["rev"]) == ("claim", "host", 2)
    assert taken["work"]["wake"] == NOW + timedelta(seconds=work.CLAIM_S)


def test_a_renewal_is_its_holders_and_leaves_rev() -> None:
    document = {"_id": "one", "rev": 1, "work": plain(HELD)}
    query, update = work.renew("one", "claim", NOW + 2 * SECONDS, Progress(done_bytes=5))
    renewed = updated(document, update)

    assert query == {"_id": "one", "work.claim": "claim"}
    assert (renewed["rev"], renewed["progress"]) == (1, {"done_bytes": 5})
    assert renewed["work"]["wake"] == NOW + 2 * SECONDS + timedelta(seconds=work.CLAIM_S)


def test_a_dead_claim_counts_as_a_crash_and_the_step_is_due_at_once() -> None:
    freed = work.free(HELD, NOW)

    assert (freed.claim, freed.host, freed.due, freed.crashes) == (None, None, NOW, HELD.crashes + 1)


def test_a_step_that_is_handed_back_is_nobodys_fault() -> None:
    back = work.hand_back(HELD, NOW)

    assert (back.claim, back.due, back.crashes, back.attempts) == (None, NOW, HELD.crashes, HELD.attempts)


@pytest.mark.parametrize(("counts", "attempts"), [(True, 3), (False, 2)])
def test_a_step_that_is_put_off_is_an_attempt_only_if_it_counts(counts: bool, attempts: int) -> None:
    later = work.put_off(HELD, NOW + SECONDS, counts=counts)

    assert (later.claim, later.due, later.wake) == (None, NOW + SECONDS, NOW + SECONDS)
    assert (later.attempts, later.crashes) == (attempts, HELD.crashes)


def test_the_tenth_dead_claim_blames_the_thing_itself() -> None:
    assert not work.has_crashed_too_often(replace(HELD, crashes=work.CRASHES_LIMIT - 2))
    assert work.has_crashed_too_often(replace(HELD, crashes=work.CRASHES_LIMIT - 1))


def test_the_keeper_says_a_step_again_ever_more_seldom() -> None:
    pauses = []
    waiting = work.due(Step.DELIVER, NOW)
    for nudges in range(8):
        _, update = work.nudge("one", replace(waiting, nudges=nudges), NOW)
        pauses.append((update["$set"]["work.wake"] - NOW).total_seconds())

    assert pauses == [15, 30, 60, 120, 240, 480, 600, 600]


def test_a_nudge_finds_only_what_waits_as_it_was_seen() -> None:
    waiting = work.due(Step.DELIVER, NOW)
    query, _ = work.nudge("one", waiting, NOW)

    assert matches({"_id": "one", "work": plain(waiting)}, query)
    assert not matches({"_id": "one", "work": plain(HELD)}, query)
    assert not matches({"_id": "one", "work": plain(replace(waiting, wake=NOW + SECONDS))}, query)
