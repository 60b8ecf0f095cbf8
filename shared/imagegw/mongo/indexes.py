"""The indexes of every collection, as data; made at start, idempotently."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

OWED_S = 3600
DEAD_S = 30 * 24 * 3600
_LONGEST_S = 2**31 - 1
"""What mongod takes as `expireAfterSeconds` at most: 68 years."""


class Kept(StrEnum):
    """What is kept for as long as the site says."""

    ENDED_PULLS = "ended_pulls"
    USAGE = "usage"


Retention = Mapping[Kept, timedelta]
"""How long that is; every kind has its time."""


@dataclass(frozen=True, kw_only=True)
class Index:
    """One index: its fields in order (1 ascending, -1 descending) and what restricts it."""

    fields: tuple[tuple[str, int], ...]
    unique: bool = False
    partial: Mapping[str, Any] = field(default_factory=dict)
    """Only documents that match this are in the index."""
    ttl: int | Kept | None = None
    """Documents go this many seconds after the time in the field, or when the site's setting says."""

    def ttl_s(self, retention: Retention) -> int | None:
        """Seconds after which documents go, never fewer than the site says; None: they stay."""
        if not isinstance(self.ttl, Kept):
            return self.ttl
        return min(math.ceil(retention[self.ttl].total_seconds()), _LONGEST_S)


def _index(*fields: str, **options: Any) -> Index:
    pairs = tuple((name.removeprefix("-"), -1 if name.startswith("-") else 1) for name in fields)
    return Index(fields=pairs, **options)


_LIVE = {"live": True}
_WAKE = _index("work.wake", partial={"work.wake": {"$exists": True}})

INDEXES: dict[str, tuple[Index, ...]] = {
    "pulls": (
        _index("platform", "type", "tag", "uid", unique=True, partial=_LIVE),
        _WAKE,
        _index("artifact", partial=_LIVE),
        _index("image", partial=_LIVE),
        _index("admitted", "created", partial=_LIVE),
        _index("idempotency", unique=True, partial={"idempotency": {"$exists": True}}),
        _index("platform", "type", "tag", "uid", "-created"),
        _index("platform", "-ended"),
        _index("ended", ttl=Kept.ENDED_PULLS),
    ),
    "artifacts": (_WAKE, _index("state", "used_at")),
    "images": (
        _WAKE,
        _index("platform", "state"),
        _index("artifact"),
        _index("state", "expires"),
    ),
    "tags": (_index("image"), _index("platform", "type")),
    "owed": (_index("written", ttl=OWED_S),),
    "gates": (),
    "usage": (_index("system", "-time"), _index("at", ttl=Kept.USAGE)),
    "secrets": (_index("expires", ttl=0),),
    "locks": (),
    "dead": (_index("at", ttl=DEAD_S),),
}
