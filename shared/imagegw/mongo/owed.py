"""`owed`: to whom the outcome of which attempt is owed, a document for each requester and typed tag.

Taking is one find-and-modify, so that no two requests take the same answer; both updates are pipelines, so that
their times are the database's own and the collapsing of stale answers needs no second look.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from imagegw.domain.asking import STALE_S, TAKE_AFTER_S

DATABASE_TIME = "$$NOW"
_FAR = datetime(9999, 1, 1, tzinfo=UTC)
_MOST = 64
"""Answers kept; more clients of one user than that share an outcome."""

Pipeline = list[dict[str, Any]]
Now = datetime | str
"""A time, or the expression for the database's own."""


def owed_key(uid: int, platform: str, kind: str, tag: str) -> str:
    """The `_id` of an `owed` document.

    >>> owed_key(1000, "mycluster", "docker", "ubuntu:latest")
    '1000/mycluster/docker/ubuntu:latest'
    """
    return f"{uid}/{platform}/{kind}/{tag}"


def take(now: Now = DATABASE_TIME) -> Pipeline:
    """Takes the oldest answer that is old enough; the document then has its pull's id as `taken`, or null.

    Of answers that have gone stale the newest alone is left before one is taken.
    """
    stale = {"$lte": ["$$answer.at", _before(now, STALE_S)]}
    return [
        {
            "$set": {
                "answers": {
                    "$concatArrays": [
                        {"$slice": [_filtered(stale), -1]},
                        _filtered({"$not": [stale]}),
                    ]
                }
            }
        },
        {
            "$set": {
                "taken": {
                    "$cond": [
                        {"$lte": [_first("at"), _before(now, TAKE_AFTER_S)]},
                        _first("pull"),
                        None,
                    ]
                },
                "written": now,
            }
        },
        {"$set": {"answers": {"$cond": [{"$eq": ["$taken", None]}, "$answers", _rest()]}}},
    ]


def owe(pull_id: str, now: Now = DATABASE_TIME) -> Pipeline:
    """Adds an answer in flight, which is owed the outcome of that pull; makes the document if it is missing."""
    answer = {"pull": {"$literal": pull_id}, "at": now}
    kept = {"$concatArrays": [{"$ifNull": ["$answers", []]}, [answer]]}
    return [{"$set": {"answers": {"$slice": [kept, -_MOST]}, "written": now}}]


def _filtered(condition: dict[str, Any]) -> dict[str, Any]:
    return {"$filter": {"input": {"$ifNull": ["$answers", []]}, "as": "answer", "cond": condition}}


def _first(name: str) -> dict[str, Any]:
    # Without an answer nothing is old enough; null would be less than any time.
    missing = _FAR if name == "at" else None
    return {"$ifNull": [{"$arrayElemAt": [f"$answers.{name}", 0]}, missing]}


def _rest() -> dict[str, Any]:
    return {"$slice": ["$answers", 1, _MOST]}


def _before(now: Now, seconds: float) -> dict[str, Any]:
    return {"$subtract": [now, round(seconds * 1000)]}
