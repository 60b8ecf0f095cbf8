"""The retry policy: what becomes of a step that ended with an error. Nothing else decides delays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imagegw.domain.records import Failure
from imagegw.errors import GateClosed, GatewayError, TransientError, Unexpected

FIRST_DELAY_S = 5.0
LAST_DELAY_S = 300.0

IN_PLACE_ATTEMPTS = 3
"""Tries of one short network call before the step itself is put off."""
IN_PLACE_FIRST_WAIT_S = 0.2
IN_PLACE_LAST_WAIT_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Again:
    """Try the step again after a delay, or not before a time; *counts* says whether it was an attempt."""

    delay_s: float = 0.0
    not_before: datetime | None = None
    counts: bool = True
    reason: str


@dataclass(frozen=True, kw_only=True)
class GiveUp:
    """The step has failed."""

    failure: Failure


def decide(error: Exception, attempts: int, *, jitter: float) -> Again | GiveUp:
    """What to do after *error*, the step having failed transiently *attempts* times before.

    Delays double from 5 s to 5 min; *jitter*, from 0 to 1, takes up to a quarter off, so that what failed
    together does not come back together. A registry that names a time is given it in full.
    """
    if isinstance(error, GateClosed):
        return Again(not_before=error.not_before, counts=False, reason=error.sentence)
    known = error if isinstance(error, GatewayError) else _unexpected(error)
    if not isinstance(known, TransientError):
        return GiveUp(failure=failure_of(known))
    if known.attempts is not None and attempts + 1 >= known.attempts:
        return GiveUp(failure=failure_of(known))
    delay = backoff_s(attempts, jitter=jitter)
    if known.retry_after_s is not None:
        delay = max(delay, known.retry_after_s)
    return Again(delay_s=delay, reason=known.sentence)


def backoff_s(attempts: int, *, jitter: float) -> float:
    """Seconds to wait after the *attempts*-th attempt (from 0).

    >>> [backoff_s(n, jitter=0.0) for n in (0, 1, 5, 6, 50)]
    [5.0, 10.0, 160.0, 300.0, 300.0]
    """
    whole = min(FIRST_DELAY_S * 2.0 ** min(attempts, 10), LAST_DELAY_S)
    return whole * (1.0 - 0.25 * jitter)


def failure_of(error: GatewayError) -> Failure:
    """What users are shown of *error*."""
    return Failure(
        code=error.code, message=error.sentence, hint=error.hint, can_retry=isinstance(error, TransientError)
    )


def _unexpected(error: Exception) -> Unexpected:
    return Unexpected(f"an error that nobody foresaw: {type(error).__name__}")
