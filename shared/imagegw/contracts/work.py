"""The work message: it only points at the document that has work; the database says what the work is."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from imagegw.contracts.message import Message


class WorkKind(StrEnum):
    """Which collection the id is one of."""

    PULL = "pull"
    ARTIFACT = "artifact"
    IMAGE = "image"
    PLATFORM = "platform"


class Work(Message):
    """Look at this document: it may have a step that is due."""

    schema_name: ClassVar[str] = "imagegw.work"
    version: ClassVar[int] = 1

    schema_: Literal["imagegw.work/1"] = Field(default="imagegw.work/1", alias="schema")
    kind: WorkKind
    id: str = Field(min_length=1, max_length=512)
