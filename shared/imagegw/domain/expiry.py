"""When images expire."""

from __future__ import annotations

from datetime import datetime, timedelta

UNTAGGED_S = 60
"""How long an image without a tag stays: a pull that is about to give it one finds it still there."""


def is_push_due(expires: datetime | None, now: datetime, timeout: timedelta) -> bool:
    """Whether a use moves the expiry far enough to be worth a write: a day or a tenth of the timeout.

    >>> at = datetime(2026, 1, 1)
    >>> is_push_due(at + timedelta(days=10), at, timedelta(days=10, hours=1))
    False
    >>> is_push_due(at + timedelta(days=8), at, timedelta(days=10))
    True
    """
    if expires is None:
        return True
    step = min(timedelta(days=1), timeout / 10)
    return now + timeout - expires >= step
