"""The `imagegw` command: its list costs no import, and `check-config` says all that is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from imagegw_cli.__main__ import main
from imagegw_cli.commands import COMMANDS

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def wrong_file(tmp_path: Path) -> Path:
    file = tmp_path / "imagemanager.json"
    file.write_text('{"Workers": 0, "Platfroms": {}, "Locations": {"": {}}, "CacheDirectory": "/c"}')
    return file


def test_the_list_of_commands_imports_none_of_them() -> None:
    program = (
        "import sys, imagegw_cli.__main__ as cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'imagegw', 'pydantic', 'rich'}\n"
        "print(sorted(name for name in sys.modules if name.partition('.')[0] in heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(entry.short_help in done.stdout for entry in COMMANDS.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_can_be_imported_and_says_its_usage(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert name in result.output


def test_a_misspelt_command_is_told_the_nearest_name() -> None:
    result = CliRunner().invoke(main, ["chek-config"])
    assert result.exit_code == 2
    assert "check-config" in result.output


@pytest.mark.parametrize("sample", ["local.json", "remote.json"])
def test_a_right_file_is_said_to_be_usable(sample: str) -> None:
    result = CliRunner().invoke(main, ["check-config", str(DATA / sample)])
    assert result.exit_code == 0
    assert "mycluster" in result.stdout
    assert "can be used" in result.stdout


def test_a_wrong_file_exits_with_one_and_names_every_error(wrong_file: Path) -> None:
    result = CliRunner().invoke(main, ["check-config", str(wrong_file)])
    assert result.exit_code == 1
    assert result.stdout == ""
    for word in ("Workers", "expected at least 1", "found    0", 'the key "Platforms"'):
        assert word in result.stderr


def test_a_program_gets_the_same_as_json(wrong_file: Path) -> None:
    result = CliRunner().invoke(main, ["check-config", "--json", str(wrong_file)])
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["valid"] is False
    assert {"path": "Workers", "expected": "at least 1", "found": "0"} in answer["errors"]


def test_a_right_file_as_json_has_its_warnings(tmp_path: Path) -> None:
    raw = json.loads((DATA / "local.json").read_text())
    file = tmp_path / "imagemanager.json"
    file.write_text(json.dumps({**raw, "ImageExpirationTimeout": "1:00:00:00"}))
    result = CliRunner().invoke(main, ["check-config", "--json", str(file)])
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["valid"] is True
    assert len(answer["warnings"]) == 1


def test_the_file_may_be_named_by_the_environment() -> None:
    result = CliRunner().invoke(main, ["check-config"], env={"GWCONFIG": str(DATA / "local.json")})
    assert result.exit_code == 0
