"""Which process is the keeper. The lock only saves work: two keepers at once do no harm."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from imagegw.mongo.port import Collection

LOCK_ID = "keeper"
LOCK_S = 10.0
"""A keeper that is gone is followed by another after this time."""


def take(holder: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """The (filter, update) pair that takes the lock, or keeps it, unless another holds it."""
    query = {"_id": LOCK_ID, "$or": [{"holder": holder}, {"until": {"$lte": now}}]}
    return query, {"$set": {"holder": holder, "until": now + timedelta(seconds=LOCK_S)}}


def hold(locks: Collection, holder: str, now: datetime) -> bool:
    """Whether *holder* is the keeper for the next seconds.

    Raises:
        DatabaseAway: nobody knows.
    """
    query, update = take(holder, now)
    if locks.note(query, update):
        return True
    return locks.insert({"_id": LOCK_ID, **update["$set"]})


def release(locks: Collection, holder: str) -> None:
    """Let the next one begin at once."""
    locks.delete({"_id": LOCK_ID, "holder": holder})
