"""A database in memory: the few operators that the gateway uses, exactly as mongod evaluates them.

It serves tests that explore interleavings; the contract suite runs over it and over mongod alike. An operator
that it does not know is an error, never a silent match.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from imagegw.mongo.indexes import INDEXES, Index
from imagegw.mongo.port import Collection, Document, Filter, Sort, Update

_ABSENT = object()
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "$lt": operator.lt,
    "$lte": operator.le,
    "$gt": operator.gt,
    "$gte": operator.ge,
}


class MemoryDatabase:
    """All collections, empty at first, with the unique indexes of `INDEXES`."""

    def __init__(self) -> None:
        self._collections = {name: MemoryCollection(indexes) for name, indexes in INDEXES.items()}

    def __getattr__(self, name: str) -> Collection:
        try:
            return self._collections[name]
        except KeyError:
            raise AttributeError(name) from None


class MemoryCollection:
    """One collection; documents are copied on the way in and out."""

    def __init__(self, indexes: tuple[Index, ...] = ()) -> None:
        self.documents: dict[str, Document] = {}
        self._unique = tuple(index for index in indexes if index.unique)

    def get(self, identity: str) -> Document | None:
        document: Document | None = _copy(self.documents.get(identity))
        return document

    def find(self, query: Filter, *, sort: Sort = (), limit: int = 0) -> list[Document]:
        found = [document for document in self.documents.values() if matches(document, query)]
        for name, direction in reversed(sort):
            found.sort(key=lambda document, name=name: _sort_key(document, name), reverse=direction < 0)  # type: ignore[misc]
        chosen = found[:limit] if limit else found
        return [_copy({k: v for k, v in document.items() if k != "history"}) for document in chosen]

    def count(self, query: Filter) -> int:
        return sum(matches(document, query) for document in self.documents.values())

    def insert(self, document: Document) -> bool:
        if document["_id"] in self.documents or self._is_taken(document):
            return False
        self.documents[document["_id"]] = _copy(document)
        return True

    def update(self, query: Filter, update: Update) -> Document | None:
        for identity, document in self.documents.items():
            if matches(document, query):
                self.documents[identity] = updated(document, update)
                after: Document = _copy(self.documents[identity])
                return after
        return None

    def note(self, query: Filter, update: Update) -> bool:
        return self.update(query, update) is not None

    def delete(self, query: Filter) -> int:
        gone = [identity for identity, document in self.documents.items() if matches(document, query)]
        for identity in gone:
            del self.documents[identity]
        return len(gone)

    def _is_taken(self, document: Document) -> bool:
        for index in self._unique:
            if not matches(document, index.partial):
                continue
            same: dict[str, Any] = {name: _look(document, name) for name, _ in index.fields}
            if any(matches(other, {**index.partial, **same}) for other in self.documents.values()):
                return True
        return False


def _copy(value: Any) -> Any:
    """A document's own copy; everything but objects and lists in it is immutable."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


def matches(document: Document, query: Filter) -> bool:
    """Whether *document* satisfies *query*, as mongod would find it."""
    for name, wanted in query.items():
        if name == "$or":
            if not any(matches(document, alternative) for alternative in wanted):
                return False
        elif not _field_matches(_look(document, name), wanted):
            return False
    return True


def _field_matches(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping) and any(key.startswith("$") for key in wanted):
        return all(_operator_holds(value, name, argument) for name, argument in wanted.items())
    return _equals(value, wanted)


def _equals(value: Any, wanted: Any) -> bool:
    if wanted is None:
        return value is _ABSENT or value is None
    if isinstance(value, list) and not isinstance(wanted, list):
        return any(_is_same(item, wanted) for item in value)
    return value is not _ABSENT and _is_same(value, wanted)


def _is_same(value: Any, wanted: Any) -> bool:
    """Equality as mongod has it, to which a truth value is no number."""
    return isinstance(value, bool) is isinstance(wanted, bool) and bool(value == wanted)


def _operator_holds(value: Any, name: str, argument: Any) -> bool:
    match name:
        case "$exists":
            return (value is not _ABSENT) is bool(argument)
        case "$in":
            return any(_equals(value, item) for item in argument)
        case "$nin":
            return not any(_equals(value, item) for item in argument)
        case "$ne":
            return not _equals(value, argument)
        case "$lt" | "$lte" | "$gt" | "$gte":
            return type(value) is type(argument) and _COMPARE[name](value, argument)
    raise ValueError(f"the memory database does not know the operator {name}")


def updated(document: Document, update: Update) -> Document:
    """A copy of *document* with *update* applied."""
    changed: Document = _copy(document)
    for name, fields in update.items():
        for path, argument in fields.items():
            _apply(changed, name, path, _copy(argument))
    return changed


def _apply(document: Document, name: str, path: str, argument: Any) -> None:
    *parents, last = path.split(".")
    holder = document
    for parent in parents:
        if parent not in holder and name == "$unset":
            return
        holder = holder.setdefault(parent, {})
    match name:
        case "$set":
            holder[last] = argument
        case "$unset":
            holder.pop(last, None)
        case "$inc":
            holder[last] = holder.get(last, 0) + argument
        case "$push":
            items = [*holder.get(last, []), *argument["$each"]]
            keep = argument.get("$slice")
            holder[last] = items if keep is None else items[keep:]
        case _:
            raise ValueError(f"the memory database does not know the update {name}")


def _look(document: Document, path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _sort_key(document: Document, name: str) -> tuple[bool, Any]:
    value = _look(document, name)
    absent = value is _ABSENT or value is None
    return (not absent, None if absent else value)
