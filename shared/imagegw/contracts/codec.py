"""Messages to bytes and back; what is not what its contract says raises MessageInvalid with the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from imagegw.contracts.message import Message
from imagegw.contracts.table import MESSAGES, UPCASTS, Upcast
from imagegw.errors import MessageInvalid


def encode(message: Message) -> bytes:
    """The message as compact UTF-8 JSON."""
    return message.model_dump_json(by_alias=True).encode()


def decode(
    body: bytes,
    *,
    messages: Mapping[str, type[Message]] = MESSAGES,
    upcasts: Mapping[tuple[str, int], Upcast] = UPCASTS,
) -> Message:
    """The message in its newest version, whichever version it was written in."""
    fields = _parse(body)
    name, version = _split_schema(fields.get("schema"))
    model = messages.get(name)
    if model is None:
        raise MessageInvalid(f"the message has the unknown schema {name!r}, expected one of {sorted(messages)}")
    if version > model.version:
        raise MessageInvalid(f"the message has version {version} of {name}, expected at most {model.version}")
    for step in range(version, model.version):
        fields = _upcast(fields, name, step, upcasts)
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise MessageInvalid(f"the {name} message is wrong: {_explain(error)}") from error


def _parse(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise MessageInvalid("the message is no UTF-8 JSON") from error
    if not isinstance(fields, dict):
        raise MessageInvalid(f"the message is a JSON {type(fields).__name__}, expected an object")
    return fields


def _split_schema(schema: object) -> tuple[str, int]:
    name, slash, version = schema.partition("/") if isinstance(schema, str) else ("", "", "")
    # Nine digits: more is no version, and int() of thousands of digits raises an error of its own.
    well_formed = slash and version.isascii() and version.isdigit() and len(version) <= 9  # noqa: PLR2004
    if not well_formed or int(version) < 1:
        raise MessageInvalid("the message names no schema, expected a field like 'schema': 'imagegw.work/1'")
    return name, int(version)


def _upcast(
    fields: dict[str, Any], name: str, version: int, upcasts: Mapping[tuple[str, int], Upcast]
) -> dict[str, Any]:
    upcast = upcasts.get((name, version))
    if upcast is None:
        raise MessageInvalid(f"version {version} of {name} can no longer be read")
    try:
        return {**upcast(fields), "schema": f"{name}/{version + 1}"}
    except (KeyError, TypeError, ValueError) as error:
        raise MessageInvalid(f"the {name} message is not what its version {version} says") from error


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}"
        for found in error.errors(include_input=False, include_url=False, include_context=False)
    )
