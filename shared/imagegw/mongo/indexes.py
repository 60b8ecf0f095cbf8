"""The indexes of every collection, as data; made at start, idempotently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ENDED_PULLS_S = 90 * 24 * 3600
OWED_S = 3600
DEAD_S = 30 * 24 * 3600
USAGE_S = 365 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Index:
    """One index: its fields in order (1 ascending, -1 descending) and what restricts it."""

    fields: tuple[tuple[str, int], ...]
    unique: bool = False
    partial: Mapping[str, Any] = field(default_factory=dict)
    """Only documents that match this are in the index."""
    ttl_s: int | None = None
    """Documents go this many seconds after the time in the field."""


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
        _index("ended", ttl_s=ENDED_PULLS_S),
    ),
    "artifacts": (_WAKE, _index("state", "used_at")),
    "images": (
        _WAKE,
        _index("platform", "state"),
        _index("artifact"),
        _index("state", "expires"),
    ),
    "tags": (_index("image"), _index("platform", "type")),
    "owed": (_index("written", ttl_s=OWED_S),),
    "gates": (),
    "usage": (_index("system", "-time"), _index("at", ttl_s=USAGE_S)),
    "secrets": (_index("expires", ttl_s=0),),
    "locks": (),
    "dead": (_index("at", ttl_s=DEAD_S),),
}
