"""From the site's file and the environment to one frozen object, or one error that says all that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from imagegw.config.access import Token
from imagegw.config.consistency import find_contradictions
from imagegw.config.json_file import read_json
from imagegw.config.problems import explain, render_found
from imagegw.config.site import Settings
from imagegw.config.values import AsList
from imagegw.errors import ConfigurationInvalid, Problem

FILE_VARIABLE = "GWCONFIG"
OVERRIDES = {
    "IMAGEGW_MONGODB_URI": "MongoDBURI",
    "IMAGEGW_AMQP_URL": "AmqpURL",
    "WORKERS": "Workers",
}
"""Environment variables that go before a key of the file; an empty one counts as unset."""


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The configuration in ``path``, or in the file that `GWCONFIG` names, with the environment's overrides.

    Raises:
        ConfigurationInvalid: names every wrong value at once.
    """
    file = path if path is not None else _named_file(environ)
    return parse(_read_object(file), environ, source=str(file))


def parse(raw: Mapping[str, Any], environ: Mapping[str, str], *, source: str) -> Settings:
    """The configuration that the JSON object ``raw`` says; files that it names for secrets are read.

    Raises:
        ConfigurationInvalid: names every wrong value at once.
    """
    document = {**raw, **_overrides(environ)}
    problems: list[Problem] = []
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        problems += explain(error, Settings)
    problems += find_contradictions(document)
    further_tokens: tuple[Token, ...] = ()
    try:
        further_tokens = _read_tokens(document.get("TokensFile"))
    except ConfigurationInvalid as error:
        problems += error.errors
    problems += _repeated_tokens(document, further_tokens)
    if settings is None or problems:
        raise ConfigurationInvalid.of(source, [_name_variable(problem, environ) for problem in problems])
    return _settle(settings, further_tokens)


def _settle(settings: Settings, further_tokens: tuple[Token, ...]) -> Settings:
    changes: dict[str, object] = {"tokens": settings.tokens + further_tokens}
    if settings.pull_update_time is not None and "pull_update_timeout" not in settings.model_fields_set:
        changes["pull_update_timeout"] = settings.pull_update_time
    return settings.model_copy(update=changes)


def _named_file(environ: Mapping[str, str]) -> Path:
    name = environ.get(FILE_VARIABLE, "")
    if not name:
        raise ConfigurationInvalid.of(
            "the environment",
            [Problem(path=FILE_VARIABLE, expected="the path of the site's file", found="nothing")],
        )
    return Path(name)


def _overrides(environ: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for variable, key in OVERRIDES.items():
        text = environ.get(variable, "")
        if text:
            values[key] = int(text) if key == "Workers" and text.isascii() and text.isdigit() else text
    return values


def _name_variable(problem: Problem, environ: Mapping[str, str]) -> Problem:
    for variable, key in OVERRIDES.items():
        if problem.path == key and environ.get(variable, ""):
            return Problem(path=f"${variable}", expected=problem.expected, found=problem.found)
    return problem


def _read_object(file: Path) -> dict[str, Any]:
    value = read_json(file)
    if not isinstance(value, dict):
        problem = Problem(path="the file", expected="an object", found=render_found(value))
        raise ConfigurationInvalid.of(str(file), [problem])
    return value


def _read_tokens(path: object) -> tuple[Token, ...]:
    """The tokens of `TokensFile`; none if it is not named, or if what names it is no path."""
    if not isinstance(path, str) or not path.startswith("/"):
        return ()
    adapter: TypeAdapter[tuple[Token, ...]] = TypeAdapter(Annotated[tuple[Token, ...], AsList])
    try:
        return adapter.validate_python(read_json(Path(path)))
    except ValidationError as error:
        problems = explain(error, tuple[Token, ...])
        raise ConfigurationInvalid.of(path, [_within(path, problem) for problem in problems]) from error


def _within(path: str, problem: Problem) -> Problem:
    return Problem(path=f"{path}: {problem.path}", expected=problem.expected, found=problem.found)


def _repeated_tokens(document: Mapping[str, Any], further: tuple[Token, ...]) -> list[Problem]:
    """A token that stands twice might be two users: refused."""
    listed = document.get("Tokens")
    hashes = (
        [entry.get("sha256") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    )
    hashes += [token.sha256 for token in further]
    repeated = sorted({value for value in hashes if isinstance(value, str) and hashes.count(value) > 1})
    return [Problem(path="Tokens", expected="each sha256 once", found=f"{value[:12]}… twice") for value in repeated]
