"""What becomes of a step that ended with an error."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.errors import (
    BlobCorrupt,
    GateClosed,
    GatewayError,
    ManifestInvalid,
    RegistryBusy,
    RegistryFailed,
    TransientError,
    Unexpected,
)
from imagegw.retry import FIRST_DELAY_S, LAST_DELAY_S, Again, GiveUp, backoff_s, decide, failure_of

LATER = datetime(2026, 11, 24, 13, tzinfo=UTC)
HARDLY_EVER = 1000
BOUNDED = [BlobCorrupt, Unexpected]


def test_a_permanent_error_fails_at_once() -> None:
    error = ManifestInvalid("no manifest")

    assert decide(error, 0, jitter=0.0) == GiveUp(failure=failure_of(error))


def test_a_transient_error_is_tried_again_for_as_long_as_the_pull_may_wait() -> None:
    decision = decide(RegistryFailed("503"), HARDLY_EVER, jitter=0.0)

    assert decision == Again(delay_s=LAST_DELAY_S, reason="503")


@pytest.mark.parametrize("kind", BOUNDED)
def test_an_error_that_waiting_does_not_mend_is_tried_a_number_of_times(kind: type[TransientError]) -> None:
    assert kind.attempts is not None
    decisions = [decide(kind("wrong"), attempts, jitter=0.0) for attempts in range(kind.attempts)]

    assert [type(each) for each in decisions] == [Again] * (kind.attempts - 1) + [GiveUp]


def test_what_nobody_foresaw_is_tried_again_and_not_shown() -> None:
    decision = decide(ZeroDivisionError("secret"), 0, jitter=0.0)

    assert isinstance(decision, Again)
    assert "ZeroDivisionError" in decision.reason
    assert "secret" not in decision.reason


def test_what_nobody_foresaw_fails_in_the_end() -> None:
    attempts = Unexpected.attempts
    assert attempts is not None
    decision = decide(ZeroDivisionError("secret"), attempts - 1, jitter=0.0)

    assert isinstance(decision, GiveUp)
    assert decision.failure.code == Unexpected.code


def test_a_closed_gate_counts_as_no_attempt() -> None:
    decision = decide(GateClosed("closed", not_before=LATER), HARDLY_EVER, jitter=0.0)

    assert decision == Again(not_before=LATER, counts=False, reason="closed")


@pytest.mark.parametrize(("named_s", "delay_s"), [(600.0, 600.0), (1.0, FIRST_DELAY_S)])
def test_a_time_that_the_registry_names_is_given_in_full(named_s: float, delay_s: float) -> None:
    decision = decide(RegistryBusy("429", retry_after_s=named_s), 0, jitter=0.0)

    assert decision == Again(delay_s=delay_s, reason="429")


def test_jitter_takes_nothing_from_a_time_that_the_registry_names() -> None:
    decision = decide(RegistryBusy("429", retry_after_s=600.0), 0, jitter=1.0)

    assert decision == Again(delay_s=600.0, reason="429")


@given(attempts=st.integers(min_value=0, max_value=10_000), jitter=st.floats(min_value=0.0, max_value=1.0))
def test_a_delay_is_never_shorter_than_three_quarters_of_the_first_nor_longer_than_the_last(
    attempts: int, jitter: float
) -> None:
    assert 0.75 * FIRST_DELAY_S <= backoff_s(attempts, jitter=jitter) <= LAST_DELAY_S


@given(attempts=st.integers(min_value=0, max_value=100))
def test_delays_never_shrink(attempts: int) -> None:
    assert backoff_s(attempts + 1, jitter=0.0) >= backoff_s(attempts, jitter=0.0)


@pytest.mark.parametrize(("error", "can_retry"), [(RegistryFailed("503"), True), (ManifestInvalid("no"), False)])
def test_users_are_told_whether_trying_again_can_help(error: GatewayError, can_retry: bool) -> None:
    failure = failure_of(error)

    assert (failure.code, failure.hint, failure.can_retry) == (error.code, error.hint, can_retry)
