"""Claiming: what is due may be taken, also by a process whose clock is a little behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from imagegw.domain import work
from imagegw.domain.patch import plain
from imagegw.domain.status import Step
from imagegw.mongo.memory import matches

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


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
