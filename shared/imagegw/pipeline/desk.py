"""Where changes are made: the database, the clock, who is asking, and the way to the queues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from imagegw.domain.patch import Mark, as_document
from imagegw.domain.records import Artifact, Image, Pull, Tag, Work
from imagegw.domain.routing import routing_key
from imagegw.mongo.change import Decide, Outcome, change, collection_of
from imagegw.mongo.documents import Record, as_record
from imagegw.mongo.port import Database, Filter, Sort


class Announce(Protocol):
    """Says on a queue that a document has work. It may fail: the sweep says it again.

    Never raises.
    """

    def __call__(self, routing_key: str, kind: str, identity: str) -> None: ...


KINDS: dict[type, str] = {Pull: "pull", Artifact: "artifact", Image: "image"}
"""The kinds of document that have work, in the words of the messages."""
CLASSES: dict[str, type] = {word: kind for kind, word in KINDS.items()}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One process's place in the pipeline."""

    database: Database
    now: Callable[[], datetime]
    """The database's time, with milliseconds."""
    new_id: Callable[[], str]
    host: str
    """Host and process, as history and logs name it."""
    announce: Announce

    def read(self, kind: type[Record], identity: str | None) -> Record | None:
        """The record of that id, or None."""
        document = None if identity is None else collection_of(self.database, kind).get(identity)
        return None if document is None else as_record(kind, document)

    def find(self, kind: type[Record], query: Filter, *, sort: Sort = (), limit: int = 0) -> Iterator[Record]:
        """Matching records."""
        for document in collection_of(self.database, kind).find(query, sort=sort, limit=limit):
            yield as_record(kind, document)

    def insert(self, record: Pull | Artifact | Image | Tag) -> bool:
        """Make a new document and announce its work; False: there is such a document already."""
        inserted = collection_of(self.database, type(record)).insert(as_document(record))
        if inserted and not isinstance(record, Tag):
            self.announce_work(record)
        return inserted

    def change(
        self, kind: type[Record], identity: str, decide: Decide[Record], *, claim: str | None = None
    ) -> Outcome[Record]:
        """The guarded update of `imagegw.mongo.change`, then a message if it made work due.

        Raises:
            ClaimLost, DatabaseAway: as there.
        """
        mark = Mark(change=self.new_id(), at=self.now(), host=self.host)
        outcome = change(self.database, kind, identity, decide, mark, claim=claim)
        work = None if outcome.patch is None else outcome.patch.set.get("work")
        if isinstance(work, Work) and work.due <= self.now() and not isinstance(outcome.record, Tag | None):
            self.announce_work(outcome.record)
        return outcome

    def announce_work(self, record: Pull | Artifact | Image) -> None:
        """Publish that *record* has work, if it has any."""
        key = routing_key(record)
        if key is not None:
            self.announce(key, KINDS[type(record)], record.id)
