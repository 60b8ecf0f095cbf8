"""Every key of the site's file with its default and meaning, for the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from imagegw.config.durations import format_duration
from imagegw.config.section import Section
from imagegw.config.site import Settings
from imagegw.config.sizes import format_size


@dataclass(frozen=True, kw_only=True)
class Row:
    """One key, under its section's place in the file (`""`, `Platforms.NAME`, `Tokens[]`)."""

    section: str
    key: str
    default: str
    meaning: str

    def as_markdown(self) -> str:
        """A line of a table."""
        return f"| `{self.key}` | {self.default} | {self.meaning} |"


def describe_keys(section: type[Section] = Settings, place: str = "") -> Iterator[Row]:
    """The keys of ``section``, then those of the sections under it."""
    below: list[tuple[type[Section], str]] = []
    for field in section.model_fields.values():
        key = str(field.alias)
        yield Row(section=place, key=key, default=_default(field), meaning=str(field.description))
        inner = _section_in(field.annotation)
        if inner is not None:
            below.append((inner[0], f"{place}.{key}{inner[1]}" if place else f"{key}{inner[1]}"))
    for inner_section, inner_place in below:
        yield from describe_keys(inner_section, inner_place)


def render_tables() -> str:
    """The tables of `docs/configuration.md`, one for each section."""
    parts: list[str] = []
    place: str | None = None
    for row in describe_keys():
        if row.section != place:
            place = row.section
            title = f"`{place}`" if place else "Top level"
            parts += ["", f"### {title}", "", "| key | default | meaning |", "| --- | --- | --- |"]
        parts.append(row.as_markdown())
    return "\n".join(parts).strip() + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    match field.default_factory, field.default:
        case None, BaseModel():
            return "see below"
        case None, None | () | {}:
            return "none"
        case None, value:
            return f"`{_spelling(value, field)}`"
        case _:
            return "the host's"


def _spelling(value: object, field: FieldInfo) -> str:
    match value:
        case timedelta():
            return f'"{format_duration(value)}"'
        case int() if not isinstance(value, bool) and str(field.alias).lower().endswith("bytes"):
            return f'"{format_size(value)}"'
        case PurePath():
            return f'"{value}"'
        case _:
            return json.dumps(value)


def _section_in(annotation: Any) -> tuple[type[Section], str] | None:
    """The section that an annotation holds, and how one gets to it: by a name, as an element, directly."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation, ""
    is_mapping = getattr(annotation, "__origin__", None) is Mapping
    step = ".NAME" if is_mapping else "[]" if getattr(annotation, "__origin__", None) is tuple else ""
    for argument in get_args(annotation):
        inner = _section_in(argument)
        if inner is not None:
            return inner[0], step + inner[1]
    return None
