"""One change of one document, as a value: what is set, what is removed, what history says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

HISTORY_LENGTH = 200
"""Entries kept in a document; a pull that is tried again for a day at five-minute intervals needs 288 at most."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """The fields that change. Everything else in the document stays as it is, whoever wrote it."""

    set: Mapping[str, Any] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    message: str | None = None
    """What history says beside the status."""
    is_event: bool = False
    """Whether the change is a status change that others are told of: it gets the next `seq`."""
    guard: Mapping[str, Any] = field(default_factory=dict)
    """What must still hold beside `rev`, for fields that change without raising it (a renewed `wake`)."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Who makes a change, and when: the same for every try of that change."""

    change: str
    """A fresh uuid: found in the history, it says that the change was made after all."""
    at: datetime
    host: str


def plain(value: Any) -> Any:
    """*value* in the types that a document holds: enums as text, tuples as lists, records as objects.

    A record's field that is None is left out, so that "not known" and "not there" are one thing.
    """
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: plain(item) for name, item in pairs if item is not None}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain(item) for item in value]
    return value


def as_document(record: Any) -> dict[str, Any]:
    """The document of a new record: `id` is `_id`, history is empty."""
    fields = plain(record)
    return {"_id": fields.pop("id"), **fields, "history": []}


def as_update(document: Mapping[str, Any], patch: Patch, mark: Mark) -> tuple[dict[str, Any], dict[str, Any]]:
    """The (filter, update) pair that applies *patch* to *document* as it was read, and to nothing else.

    A value of None unsets its field. The status in the history entry is the one after the change.
    """
    rev = document["rev"] + 1
    changed = {name: plain(value) for name, value in patch.set.items()}
    unset = dict.fromkeys((*patch.unset, *(n for n, v in changed.items() if v is None)), "")
    kept = {name: value for name, value in changed.items() if value is not None}
    word = "status" if "status" in document else "state"
    entry = {
        "rev": rev,
        "change": mark.change,
        "at": mark.at,
        "host": mark.host,
        "status": kept.get(word, document.get(word, "")),
    }
    if patch.message is not None:
        entry["message"] = patch.message
    update: dict[str, Any] = {
        "$set": {**kept, "rev": rev},
        "$push": {"history": {"$each": [entry], "$slice": -HISTORY_LENGTH}},
    }
    if unset:
        update["$unset"] = unset
    if patch.is_event:
        update["$inc"] = {"seq": 1}
    return {"_id": document["_id"], "rev": document["rev"], **patch.guard}, update


def is_made(document: Mapping[str, Any], change: str) -> bool:
    """Whether the change of that id is in the document's history."""
    return any(entry["change"] == change for entry in document.get("history", ()))
