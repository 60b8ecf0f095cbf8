"""When a use is worth a write."""

from __future__ import annotations

from datetime import timedelta

import pytest

from imagegw.domain.expiry import is_push_due
from tests.support.records import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_an_image_that_has_no_expiry_gets_one() -> None:
    assert is_push_due(None, NOW, 90 * DAY)


@pytest.mark.parametrize(
    ("timeout", "moved_by", "is_due"),
    [
        (90 * DAY, DAY - HOUR, False),
        (90 * DAY, DAY, True),
        (5 * HOUR, HOUR / 2, True),
        (5 * HOUR, HOUR / 3, False),
    ],
    ids=["less than a day", "a day", "a tenth", "less than a tenth"],
)
def test_a_use_is_written_when_it_moves_the_expiry_by_a_day_or_a_tenth(
    timeout: timedelta, moved_by: timedelta, is_due: bool
) -> None:
    assert is_push_due(NOW + timeout - moved_by, NOW, timeout) is is_due


def test_an_expiry_further_out_than_a_use_would_set_is_left() -> None:
    assert not is_push_due(NOW + 100 * DAY, NOW, 90 * DAY)
