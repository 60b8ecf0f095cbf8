"""The one kind of update: decide on the document as read, apply guarded by `rev`, and know what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from imagegw.domain.patch import Mark, Patch, as_update, is_made
from imagegw.errors import ClaimLost, DatabaseAway
from imagegw.mongo.documents import COLLECTIONS, Record, as_record
from imagegw.mongo.port import Collection, Database

Decide = Callable[[Record], Patch | None]

_PATIENCE_S = 60.0
"""How long one change waits for a database that is away, before the caller hears of it."""


@dataclass(frozen=True, kw_only=True)
class Outcome(Generic[Record]):
    """What a change came to: the record as it is now (None: there is none), and what was changed in it."""

    record: Record | None
    patch: Patch | None = None
    """None: the decision was to change nothing."""


def collection_of(database: Database, kind: type[Record]) -> Collection:
    """The collection that holds records of *kind*."""
    collection: Collection = getattr(database, COLLECTIONS[kind])
    return collection


def change(
    database: Database,
    kind: type[Record],
    identity: str,
    decide: Decide[Record],
    mark: Mark,
    *,
    claim: str | None = None,
) -> Outcome[Record]:
    """Apply what *decide* says of the document, once, however often it has to be tried.

    *decide* may be called several times, each time on the document as it is then; what it reads beside it is
    read after it, so that `rev` guards that too. With a *claim* the change is its holder's.

    Raises:
        ClaimLost: the claim stands no more, and the change was not made.
        DatabaseAway: for a minute nothing could be learnt; the change may have been made.
    """
    collection = collection_of(database, kind)
    last: Patch | None = None
    for attempt in Retrying(
        retry=retry_if_exception_type(DatabaseAway),
        stop=stop_after_delay(_PATIENCE_S),
        wait=wait_exponential_jitter(multiplier=0.1, max=2.0, jitter=0.1),
        reraise=True,
    ):
        with attempt:
            while True:
                document = collection.get(identity)
                if document is None:
                    return Outcome(record=None)
                record = as_record(kind, document)
                if last is not None and is_made(document, mark.change):
                    return Outcome(record=record, patch=last)
                if claim is not None and not _is_held_by(document, claim):
                    raise ClaimLost(f"the claim on {kind.__name__.lower()} {identity} stands no more")
                patch = decide(record)
                if patch is None:
                    return Outcome(record=record)
                last = patch if claim is None else replace(patch, guard={**patch.guard, "work.claim": claim})
                after = collection.update(*as_update(document, last, mark))
                if after is not None:
                    return Outcome(record=as_record(kind, after), patch=last)
    raise DatabaseAway("the database did not answer")  # pragma: no cover - Retrying raises before


def _is_held_by(document: dict[str, object], claim: str) -> bool:
    work = document.get("work")
    return isinstance(work, dict) and work.get("claim") == claim
