"""Work and claims: when a step is due, who holds it, and what becomes of it when the holder is gone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from imagegw.domain.patch import plain
from imagegw.domain.records import Progress, Work
from imagegw.domain.status import Step

CLAIM_S = 30
"""How long a claim stands without being renewed: thirty renewals, or a database that is away for half a minute."""
NUDGE_FIRST_S = 15
"""When the keeper first publishes a step again whose message nobody took."""
NUDGE_LAST_S = 600
CRASHES_LIMIT = 10
"""Dead claims in one step after which the thing itself is to blame."""
CLOCKS_APART_S = 1.0
"""How far two processes' readings of the database's clock may lie apart; on one host it is milliseconds.

Without it a message that is quicker than this finds work that is "not yet due", is forgotten, and the step waits
for the keeper's first nudge."""


def due(step: Step, now: datetime) -> Work:
    """Work that may begin at once; the keeper looks after it if its message is lost."""
    return Work(step=step, due=now, wake=now + timedelta(seconds=NUDGE_FIRST_S))


def due_at(step: Step, at: datetime) -> Work:
    """Work that waits for its time; the keeper publishes it then."""
    return Work(step=step, due=at, wake=at)


def put_off(work: Work, until: datetime, *, counts: bool) -> Work:
    """The same step later, given up by its holder; an attempt is counted if it *counts*."""
    attempts = work.attempts + (1 if counts else 0)
    return Work(step=work.step, due=until, wake=until, attempts=attempts, crashes=work.crashes)


def hand_back(work: Work, now: datetime) -> Work:
    """The same step at once, for another worker: the holder ends, and is not to blame."""
    return Work(step=work.step, due=now, wake=now, attempts=work.attempts, crashes=work.crashes)


def hasten(work: Work, now: datetime) -> Work:
    """A step that was put off, at once after all; what it has failed so far still counts."""
    return replace(work, due=now, wake=now + timedelta(seconds=NUDGE_FIRST_S), nudges=0)


def free(work: Work, now: datetime) -> Work:
    """The step of a holder that died: due again, with one crash more."""
    freed = hand_back(work, now)
    return replace(freed, crashes=work.crashes + 1)


def has_crashed_too_often(work: Work) -> bool:
    """Whether one more dead claim makes the thing fail."""
    return work.crashes + 1 >= CRASHES_LIMIT


def is_held(work: Work | None) -> bool:
    """Whether a claim stands."""
    return work is not None and work.claim is not None


def is_put_off(work: Work, now: datetime) -> bool:
    """Whether a step that nobody holds waits for a later time."""
    return work.claim is None and work.due > now


def take(identity: str, steps: Collection[Step], claim: str, host: str, now: datetime) -> tuple[Any, Any]:
    """The (filter, update) pair that claims a step that is due and that nobody holds."""
    found = {
        "_id": identity,
        "work.step": {"$in": [str(step) for step in steps]},
        "work.claim": {"$exists": False},
        "work.due": {"$lte": now + timedelta(seconds=CLOCKS_APART_S)},
    }
    wake = now + timedelta(seconds=CLAIM_S)
    return found, {"$set": {"work.claim": claim, "work.host": host, "work.wake": wake}, "$inc": {"rev": 1}}


def renew(identity: str, claim: str, now: datetime, progress: Progress | None) -> tuple[Any, Any]:
    """The (filter, update) pair by which a holder says that it lives, and how far it is. `rev` stays."""
    changed: dict[str, Any] = {"work.wake": now + timedelta(seconds=CLAIM_S)}
    if progress is not None:
        changed["progress"] = plain(progress)
    return {"_id": identity, "work.claim": claim}, {"$set": changed}


def nudge(identity: str, work: Work, now: datetime) -> tuple[Any, Any]:
    """The (filter, update) pair that says when the keeper publishes a waiting step the next time."""
    pause = min(NUDGE_FIRST_S * 2**work.nudges, NUDGE_LAST_S)
    found = {"_id": identity, "work.claim": {"$exists": False}, "work.wake": work.wake}
    return found, {"$set": {"work.wake": now + timedelta(seconds=pause), "work.nudges": work.nudges + 1}}


def overdue(now: datetime) -> dict[str, Any]:
    """The filter for what the keeper must look at."""
    return {"work.wake": {"$lte": now}}
