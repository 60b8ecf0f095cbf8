"""Where a token is taken from, and which files are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagegw_cli.address import read_token
from imagegw_cli.exits import CommandFailed, ExitCode


def make(file: Path, content: bytes, mode: int = 0o600) -> Path:
    file.touch()
    file.chmod(mode)
    file.write_bytes(content)
    return file


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = make(tmp_path / "token", b"of the file")
    assert read_token({"IMAGEGW_TOKEN": "of the environment", "IMAGEGW_TOKEN_FILE": str(file)}, tmp_path) == (
        "of the environment"
    )


def test_a_file_may_be_named(tmp_path: Path) -> None:
    file = make(tmp_path / "token", b" of the file \n\n")
    assert read_token({"IMAGEGW_TOKEN": "", "IMAGEGW_TOKEN_FILE": str(file)}, tmp_path) == "of the file"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    file = make(tmp_path / "token", b"of the file", mode)
    with pytest.raises(CommandFailed, match=f"chmod 600 {file}") as caught:
        read_token({"IMAGEGW_TOKEN_FILE": str(file)}, tmp_path)
    assert caught.value.exit_code == ExitCode.NOT_ALLOWED
    assert "of the file" not in caught.value.message


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: bytes) -> None:
    file = make(tmp_path / "token", content)
    with pytest.raises(CommandFailed) as caught:
        read_token({"IMAGEGW_TOKEN_FILE": str(file)}, tmp_path)
    assert caught.value.exit_code == ExitCode.NOT_ALLOWED


def test_without_any_the_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="IMAGEGW_TOKEN_FILE"):
        read_token({}, tmp_path)
