"""Records from documents; unknown fields are left where they are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from imagegw.domain.records import Artifact, Image, Pull, Tag

Record = TypeVar("Record", bound=Pull | Artifact | Image | Tag)
Worked = TypeVar("Worked", bound=Pull | Artifact | Image)
"""The kinds of record that have work."""

COLLECTIONS: dict[type, str] = {Pull: "pulls", Artifact: "artifacts", Image: "images", Tag: "tags"}


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("type", kind))


def as_record(kind: type[Record], document: Mapping[str, Any]) -> Record:
    """The record that *document* holds."""
    fields = {name: value for name, value in document.items() if name not in {"_id", "history"}}
    record: Record = _adapter(cast("Hashable", kind)).validate_python({**fields, "id": document["_id"]})
    return record
