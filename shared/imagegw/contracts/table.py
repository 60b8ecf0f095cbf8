"""Every message type and every upcast: a new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from imagegw.contracts.message import Message
from imagegw.contracts.work import Work

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the fields of one version into those of the next; the codec renames the schema."""

MESSAGES: Mapping[str, type[Message]] = {model.schema_name: model for model in (Work,)}
UPCASTS: Mapping[tuple[str, int], Upcast] = {}
"""(schema name, version that it reads) -> upcast to the version after it."""
