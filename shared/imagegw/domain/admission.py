"""Fair shares: which of the waiting pulls may begin."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many pulls are under way at most: in all, and of one requester."""

    live: int
    live_per_user: int


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A pull that waits to be admitted."""

    id: str
    uid: int


def choose(waiting: Sequence[Waiting], admitted_by_uid: Mapping[int, int], limits: Limits) -> list[str]:
    """Ids of the pulls to admit now: requesters in turn, each one's oldest first.

    *waiting* is ordered oldest first; *admitted_by_uid* counts the live pulls that are admitted already.

    >>> queue = [Waiting(id=i, uid=u) for i, u in [("a", 1), ("b", 1), ("c", 2)]]
    >>> choose(queue, {}, Limits(live=2, live_per_user=16))
    ['a', 'c']
    """
    room = limits.live - sum(admitted_by_uid.values())
    counts = Counter(admitted_by_uid)
    turns: dict[int, deque[str]] = {}
    for pull in waiting:
        turns.setdefault(pull.uid, deque()).append(pull.id)
    chosen: list[str] = []
    while room > len(chosen) and turns:
        for uid in list(turns):
            if counts[uid] >= limits.live_per_user or not turns[uid]:
                del turns[uid]
            elif room > len(chosen):
                chosen.append(turns[uid].popleft())
                counts[uid] += 1
    return chosen


def has_room(waiting: int, admitted: int, admitted_of_user: int, limits: Limits) -> bool:
    """Whether a new pull begins at once: nobody waits, and both limits leave room."""
    return waiting == 0 and admitted < limits.live and admitted_of_user < limits.live_per_user
