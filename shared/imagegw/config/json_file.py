"""A JSON file, read strictly: what the parser would lose or make up is an error."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from imagegw.config.secret_files import unreadable
from imagegw.errors import ConfigurationInvalid, Problem


def read_json(file: Path) -> Any:
    """The value in ``file``. A key that stands twice in one object is an error: one of the two would be lost.

    Raises:
        ConfigurationInvalid: the file cannot be read, is no JSON, or repeats keys.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(file, error) from error
    repeated: list[str] = []

    def gather(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(key for key, _ in pairs)
        repeated.extend(key for key, count in counts.items() if count > 1)
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=gather, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigurationInvalid.of(str(file), [_explain(error)]) from error
    if repeated:
        problems = [Problem(path=key, expected="each key once in its object", found="it twice") for key in repeated]
        raise ConfigurationInvalid.of(str(file), problems)
    return value


def _refuse_constant(name: str) -> float:
    raise json.JSONDecodeError(f"{name} is no JSON", name, 0)


def _explain(error: ValueError | RecursionError) -> Problem:
    match error:
        case json.JSONDecodeError():
            place = f"line {error.lineno} column {error.colno}"
            return Problem(path=place, expected="JSON", found=error.msg[0].lower() + error.msg[1:])
        case RecursionError():
            return Problem(path="the file", expected="JSON", found="too many nested objects or lists")
        case _:  # Python refuses to read very long numbers
            return Problem(path="the file", expected="JSON", found="a number of too many digits")
