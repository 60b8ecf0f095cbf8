"""How much a registry lets us ask, read from its answers' headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_COUNT = re.compile(r"\s*(\d{1,12})\s*(?:;\s*w=(\d{1,12}))?")
LONGEST_PAUSE_S = 24 * 3600.0
"""A registry that demands a longer pause than a pull may live is asked again after this."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What is left of a registry's allowance, as its last answer said."""

    remaining: int
    limit: int | None = None
    window_s: int | None = None
    """The allowance is for this long; when the present window ends, registries do not say."""


def parse_retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that ``Retry-After`` demands (RFC 9110 section 10.2.3), or None.

    A date counts from the answer's own ``Date``, so that a wrong clock on either side does no harm; without
    one, from *now*.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), LONGEST_PAUSE_S)
    until = _parse_date(value)
    if until is None:
        return None
    since = _parse_date(headers.get("Date", "")) or now
    return min(max((until - since).total_seconds(), 0.0), LONGEST_PAUSE_S)


def parse_budget(headers: Mapping[str, str]) -> Budget | None:
    """What Docker Hub and its likes say in ``ratelimit-limit`` and ``ratelimit-remaining``, or None.

    >>> parse_budget({"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"})
    Budget(remaining=76, limit=100, window_s=21600)
    """
    remaining = _COUNT.match(headers.get("ratelimit-remaining", ""))
    if remaining is None:
        return None
    limit = _COUNT.match(headers.get("ratelimit-limit", ""))
    return Budget(
        remaining=int(remaining[1]),
        limit=None if limit is None else int(limit[1]),
        window_s=None if remaining[2] is None else int(remaining[2]),
    )


def _parse_date(value: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
