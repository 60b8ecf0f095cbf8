"""When a keeper does what, and when it trusts what it has seen."""

from __future__ import annotations

import pytest

from imagegw_api.keeper.beats import BEAT_S, INTERVALS_S, MISSED_S, PATIENCE_S, Beats, Duty


def beat_until(beats: Beats, start_s: float, end_s: float) -> list[Duty]:
    """Beat on time from *start_s* to *end_s*; everything that was done."""
    count = round((end_s - start_s) / BEAT_S)
    return [duty for n in range(count + 1) for duty in beats.beat(start_s + n * BEAT_S)]


def test_a_new_keeper_does_everything_at_once() -> None:
    assert beat_until(Beats(), 0.0, 0.0) == list(Duty)


@pytest.mark.parametrize("duty", Duty)
def test_a_duty_is_done_once_an_interval(duty: Duty) -> None:
    done = beat_until(Beats(), 1000.0, 1000.0 + 120.0)

    assert done.count(duty) == 1 + 120 // INTERVALS_S[duty]


def test_a_new_keeper_frees_no_claims_for_as_long_as_one_may_stand_unseen() -> None:
    beats = Beats()
    beat_until(beats, 50.0, 50.0 + PATIENCE_S - BEAT_S)
    assert not beats.may_free_claims(50.0 + PATIENCE_S - BEAT_S)
    beats.beat(50.0 + PATIENCE_S)

    assert beats.may_free_claims(50.0 + PATIENCE_S)


def test_the_time_zero_is_a_time_like_any_other() -> None:
    beats = Beats()
    beat_until(beats, 0.0, PATIENCE_S)

    assert beats.may_free_claims(PATIENCE_S)


def test_a_keeper_that_has_not_beaten_may_free_nothing() -> None:
    assert not Beats().may_free_claims(1e9)


def test_a_keeper_that_slept_is_patient_again() -> None:
    beats = Beats()
    beat_until(beats, 0.0, 100.0)
    woke = 100.0 + MISSED_S + 0.1
    beats.beat(woke)
    assert not beats.may_free_claims(woke)
    beat_until(beats, woke, woke + PATIENCE_S)

    assert beats.may_free_claims(woke + PATIENCE_S)


def test_a_keeper_that_was_only_slow_is_not() -> None:
    beats = Beats()
    beat_until(beats, 0.0, 100.0)
    beats.beat(100.0 + MISSED_S)

    assert beats.may_free_claims(100.0 + MISSED_S)


def test_a_keeper_that_another_replaced_begins_anew() -> None:
    beats = Beats()
    beat_until(beats, 0.0, 100.0)
    beats.forget()
    assert not beats.may_free_claims(101.0)
    beats.beat(101.0)

    assert not beats.may_free_claims(101.0)


def test_duties_that_were_missed_are_done_once_not_often() -> None:
    beats = Beats()
    beat_until(beats, 0.0, 0.0)

    assert beats.beat(3600.0) == list(Duty)
    assert beats.beat(3600.0 + BEAT_S / 2) == []


def test_a_keeper_whose_duties_take_long_still_frees_claims() -> None:
    beats = Beats()
    now_s = 0.0
    while now_s < 10 * PATIENCE_S:
        beats.beat(now_s)
        beats.rest(now_s + 10 * MISSED_S)
        now_s += 10 * MISSED_S + BEAT_S

    assert beats.may_free_claims(now_s)
