"""Where configuration comes from: a file, the environment, and files of secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from imagegw.config import ConfigurationInvalid, Settings, load, parse

DATA = Path(__file__).parents[1] / "data"
KEYS = st.sampled_from(
    ["accesstype", "local", "ssh", "host", "imageDir", "url", "kind", "uid", "sha256", "squashfs"]
)
TOKEN = {"sha256": "0" * 64, "user": "ci", "uid": 1000, "gid": 1000}


def document(**changes: Any) -> dict[str, Any]:
    """A small right file, with keys changed; None takes a key away."""
    base: dict[str, Any] = {
        "CacheDirectory": "/images/cache",
        "Locations": {"": {}},
        "Platforms": {"one": {"accesstype": "local", "local": {"imageDir": "/images"}}},
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def platform(**changes: Any) -> dict[str, Any]:
    return {"one": {"accesstype": "local", "local": {"imageDir": "/images"}, **changes}}


def read(raw: dict[str, Any], **environ: str) -> Settings:
    return parse(raw, environ, source="the file")


def errors_of(raw: dict[str, Any], **environ: str) -> dict[str, tuple[str, str]]:
    with pytest.raises(ConfigurationInvalid) as refused:
        read(raw, **environ)
    assert all(str(problem) in refused.value.sentence for problem in refused.value.errors)
    return {problem.path: (problem.expected, problem.found) for problem in refused.value.errors}


# --- the environment and the files --------------------------------------------------------------------------


def test_the_environment_goes_before_the_file() -> None:
    settings = read(
        document(MongoDBURI="mongodb://file", AmqpURL="amqp://file", Workers=4),
        IMAGEGW_MONGODB_URI="mongodb://env",
        IMAGEGW_AMQP_URL="amqp://env",
        WORKERS="3",
    )
    assert settings.mongodb_uri is not None
    assert settings.mongodb_uri.get_secret_value() == "mongodb://env"
    assert settings.amqp_url is not None
    assert settings.amqp_url.get_secret_value() == "amqp://env"
    assert settings.workers == 3


def test_an_empty_variable_counts_as_unset() -> None:
    assert read(document(Workers=4), WORKERS="").workers == 4


def test_an_error_in_the_environment_names_the_variable() -> None:
    assert set(errors_of(document(), WORKERS="many", IMAGEGW_AMQP_URL="x")) == {
        "$WORKERS",
        "$IMAGEGW_AMQP_URL",
    }


def test_the_file_is_found_by_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "imagemanager.json"
    file.write_text(json.dumps(document(Workers=7)))
    assert load(None, {"GWCONFIG": str(file)}).workers == 7
    with pytest.raises(ConfigurationInvalid, match="GWCONFIG"):
        load(None, {})


@pytest.mark.parametrize(
    ("content", "path", "found"),
    [
        (b"{", "line 1 column 2", "expecting property name"),
        (b'{"a": 1 "b"}', "line 1 column 9", "delimiter"),
        (b'{"Workers": ' + b"9" * 5000 + b"}", "the file", "digits"),
        (b'{"Workers": NaN}', "line 1 column", "NaN"),
        (b'{"Workers": 1, "Workers": 2}', "Workers", "twice"),
        (b"[1]", "the file", "a list of 1"),
        (b"\xff", "file.json", "utf-8"),
        (b"[" * 100_000, "the file", "nested"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, content: bytes, path: str, found: str) -> None:
    file = tmp_path / "file.json"
    file.write_bytes(content)
    with pytest.raises(ConfigurationInvalid) as refused:
        load(file, {})
    problem = refused.value.errors[0]
    assert path in problem.path
    assert found.lower() in problem.found.lower()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="no such file"):
        load(tmp_path / "none.json", {})


def test_tokens_of_a_file_are_added(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps([{**TOKEN, "sha256": "1" * 64}]))
    settings = read(document(Tokens=[TOKEN], TokensFile=str(file)))
    assert [token.sha256 for token in settings.tokens] == ["0" * 64, "1" * 64]


@pytest.mark.parametrize("content", ["{}", "[", '[{"sha256": "x"}]', json.dumps([TOKEN])])
def test_a_wrong_token_file_is_reported_beside_the_other_errors(tmp_path: Path, content: str) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(content)
    errors = errors_of(document(Tokens=[TOKEN], TokensFile=str(file), Workers=0))
    assert "Workers" in errors
    assert len(errors) > 1
