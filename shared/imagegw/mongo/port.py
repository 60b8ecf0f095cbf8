"""What the gateway asks of its database: a few operations on single documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Document = dict[str, Any]
Filter = Mapping[str, Any]
Update = Mapping[str, Any]
Sort = Sequence[tuple[str, int]]


class Collection(Protocol):
    """One collection. Every method raises DatabaseAway when it cannot know what became of it."""

    def get(self, identity: str) -> Document | None:
        """The whole document of that `_id`."""
        ...

    def find(self, query: Filter, *, sort: Sort = (), limit: int = 0) -> list[Document]:
        """Matching documents without their history; limit 0 means all."""
        ...

    def count(self, query: Filter) -> int:
        """How many match."""
        ...

    def insert(self, document: Document) -> bool:
        """Whether it was inserted; False when a unique index has such a document already."""
        ...

    def update(self, query: Filter, update: Update) -> Document | None:
        """Apply *update* to one matching document, durably, and return it as it is then; None: no match."""
        ...

    def note(self, query: Filter, update: Update) -> bool:
        """Apply *update* to one matching document, not worth a journal's wait; whether one matched."""
        ...

    def delete(self, query: Filter) -> int:
        """How many documents were deleted."""
        ...


class Database(Protocol):
    """The gateway's collections."""

    @property
    def pulls(self) -> Collection: ...
    @property
    def artifacts(self) -> Collection: ...
    @property
    def images(self) -> Collection: ...
    @property
    def tags(self) -> Collection: ...
    @property
    def owed(self) -> Collection: ...
    @property
    def gates(self) -> Collection: ...
    @property
    def usage(self) -> Collection: ...
    @property
    def secrets(self) -> Collection: ...
    @property
    def locks(self) -> Collection: ...
    @property
    def dead(self) -> Collection: ...
