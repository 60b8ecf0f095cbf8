"""What every message of the gateway is: a frozen, typed model that names its schema and version."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """A message; a field that a newer service added is kept and passed on, never refused."""

    model_config = ConfigDict(
        frozen=True, extra="allow", populate_by_name=True, serialize_by_alias=True, hide_input_in_errors=True
    )

    schema_name: ClassVar[str]
    """The stable part of ``schema``, before the slash."""
    version: ClassVar[int]
    """The newest version, which is what this service writes."""
