"""Durations: the spellings of sites' files, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.config.durations import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (300, timedelta(minutes=5)),
        (0, timedelta(0)),
        (0.25, timedelta(milliseconds=250)),
        ("300", timedelta(minutes=5)),
        ("90:00:00:00", timedelta(days=90)),
        ("0:36:0:0", timedelta(days=1, hours=12)),
        ("1:2:3:4", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("1h30m", timedelta(minutes=90)),
        ("1d12h", timedelta(hours=36)),
        ("45s", timedelta(seconds=45)),
        ("90m", timedelta(minutes=90)),
    ],
)
def test_each_spelling_is_read(written: object, meant: timedelta) -> None:
    assert parse_duration(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "1 h",
        " 5m",
        "5m ",
        "30m1h",
        "1h1h",
        "-5",
        "-1:0:0:0",
        "1:0:0",
        "1:0:0:0:0",
        "1.5h",
        "5w",
        "5M",
        "h",
        "\u0663",
        "1_000",
        "0x10",
        "100000d",
        -1,
        float("nan"),
        float("inf"),
        1e30,
        True,
        None,
        [],
        {},
    ],
)
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_duration(written)


@given(st.integers(min_value=0, max_value=int(LONGEST.total_seconds())))
def test_what_is_formatted_is_read_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=12))
def test_no_text_is_read_as_negative_or_fails_otherwise(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert timedelta(0) <= duration <= LONGEST
