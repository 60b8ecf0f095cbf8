"""Pauses and allowances, read from headers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from imagegw.registry.budget import LONGEST_PAUSE_S, Budget, parse_budget, parse_retry_after

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected_s"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("999999999999999999", LONGEST_PAUSE_S),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2099 12:00:00 GMT", LONGEST_PAUSE_S),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_a_pause_is_seconds_or_a_date(value: str, expected_s: float | None) -> None:
    assert parse_retry_after({"Retry-After": value}, now=NOW) == expected_s


def test_no_header_is_no_pause() -> None:
    assert parse_retry_after({}, now=NOW) is None


def test_a_date_counts_from_the_answers_own_clock() -> None:
    headers = {"Retry-After": "Tue, 24 Nov 2026 15:00:30 GMT", "Date": "Tue, 24 Nov 2026 15:00:00 GMT"}

    assert parse_retry_after(headers, now=NOW) == 30.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"ratelimit-remaining": "none"}, None),
        ({"ratelimit-remaining": "0;w=21600"}, Budget(remaining=0, window_s=21600)),
        ({"ratelimit-remaining": "76", "ratelimit-limit": "100"}, Budget(remaining=76, limit=100)),
    ],
)
def test_an_allowance_is_a_count_and_perhaps_a_window(headers: dict[str, str], expected: Budget | None) -> None:
    assert parse_budget(headers) == expected
