"""What pydantic says about a wrong file, in the words of the file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeGuard, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from imagegw.errors import Problem

Path = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LOGIN_IN_URL = re.compile(r"//[^/\s]*@")
_LONGEST_FOUND = 80
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "int_type": "a whole number",
    "mapping_type": "an object",
    "model_type": "an object",
    "string_type": "a string",
    "tuple_type": "a list",
}


def explain(error: ValidationError, root: Any) -> tuple[Problem, ...]:
    """One problem for each error, in the order of the fields of ``root``, the type that was read."""
    return tuple(_explain_one(details, root) for details in error.errors(include_url=False))


def render_path(path: Sequence[str | int]) -> str:
    """``path`` as it would be written in code.

    >>> render_path(("Platforms", "mycluster", "admins", 0))
    'Platforms.mycluster.admins[0]'
    >>> render_path(("Locations", "", "url"))
    'Locations[""].url'
    """
    text = ""
    for part in path:
        if isinstance(part, str) and _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part}]" if isinstance(part, int) else f'["{part}"]'
    return text or "the file"


def render_found(value: object) -> str:
    """What stands there, short, and without a login that stands in a URL."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "an object"
        case list() | tuple():
            return f"a list of {len(value)}"
        case str():
            text = _LOGIN_IN_URL.sub("//***@", value)
            shown = text if len(text) <= _LONGEST_FOUND else text[:_LONGEST_FOUND] + "…"
            return f'"{shown}"' if shown.isprintable() else repr(shown)
        case _:
            return str(value)[:_LONGEST_FOUND]


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that ``name`` is most likely a misspelling of, whatever its case."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[matches[0]] if matches else None


def _explain_one(details: ErrorDetails, root: Any) -> Problem:
    path = _in_file_spelling(tuple(part for part in details["loc"] if part != "[key]"), root)
    kind = details["type"]
    if kind == "extra_forbidden":
        return _explain_unknown_key(path, root)
    if kind == "missing":
        return Problem(path=render_path(path), expected="a value", found="nothing")
    if "[key]" in details["loc"]:
        return Problem(path=render_path(path[:-1]), expected=_expected(details), found=render_found(path[-1]))
    found = _found(details, is_secret=_annotation_at(root, path) is SecretStr)
    return Problem(path=render_path(path), expected=_expected(details), found=found)


def _explain_unknown_key(path: Path, root: Any) -> Problem:
    section = _annotation_at(root, path[:-1])
    known = _keys(section) if _is_section(section) else []
    name = nearest(str(path[-1]), known)
    expected = "a known key" if name is None else f'the key "{name}"'
    return Problem(path=render_path(path), expected=expected, found=f'"{path[-1]}"')


def _expected(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    match details["type"]:
        case "wrong_value":
            return str(context["expected"])
        case "literal_error":
            return str(context["expected"]).replace("'", '"')
        case "greater_than_equal":
            return f"at least {context['ge']}"
        case "less_than_equal":
            return f"at most {context['le']}"
        case "too_short":
            return f"at least {context['min_length']}"
        case kind:
            return _EXPECTED.get(kind, details["msg"])


def _found(details: ErrorDetails, *, is_secret: bool) -> str:
    if is_secret:
        return "a secret of another form"
    # A default that another key does not allow: it stands nowhere in the file.
    if details["type"] == "wrong_value" and details["input"] in (None, ()):
        return "nothing"
    return render_found(details["input"])


def _keys(section: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _in_file_spelling(path: Path, root: Any) -> Path:
    """``path`` with aliases for the field names that pydantic says where a default is at fault."""
    parts: list[str | int] = []
    for part in path:
        section = _annotation_at(root, tuple(parts))
        field = section.model_fields.get(part) if _is_section(section) and isinstance(part, str) else None
        parts.append(part if field is None or field.alias is None else field.alias)
    return tuple(parts)


def _is_section(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _annotation_at(annotation: Any, path: Path) -> Any:
    """What the models say about the place ``path``; None if they say nothing."""
    annotation = _bare(annotation)
    if not path:
        return annotation
    key, rest = path[0], path[1:]
    if _is_section(annotation):
        for name, field in annotation.model_fields.items():
            if key in (field.alias, name):
                return _annotation_at(field.annotation, rest)
        return None
    arguments = get_args(annotation)
    if get_origin(annotation) is Mapping:
        return _annotation_at(arguments[1], rest)
    return _annotation_at(arguments[0], rest) if get_origin(annotation) is tuple else None


def _bare(annotation: Any) -> Any:
    """``annotation`` without ``Annotated`` and without ``| None``."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    members = [member for member in get_args(annotation) if member is not type(None)]
    if len(members) == 1 and type(None) in get_args(annotation):
        return _bare(members[0])
    return annotation
