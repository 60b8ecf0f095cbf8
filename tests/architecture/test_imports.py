"""The import rules of ``pyproject.toml`` hold, and each of them covers what it is meant to cover."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def contract(contract_id: str) -> dict[str, Any]:
    contracts: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]
    return next(each for each in contracts if each["id"] == contract_id)


def test_import_rules_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS


def test_every_package_of_the_dev_group_is_forbidden_to_product_code() -> None:
    groups = PROJECT["dependency-groups"]
    dev_only = {each for group in groups.values() for each in group if isinstance(each, str)}
    modules = {
        module
        for module, distributions in packages_distributions().items()
        if dev_only & {each.lower() for each in distributions} and re.fullmatch(r"[a-z]\w+", module)
    }
    missing = modules - set(contract("dev")["forbidden_modules"])

    assert not missing


def test_every_source_root_is_watched() -> None:
    shipped = {Path(each).name for each in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}

    assert shipped == set(PROJECT["tool"]["importlinter"]["root_packages"])
    assert shipped == set(contract("dev")["source_modules"])


@pytest.mark.parametrize("module", ["domain", "contracts", "retry"])
def test_what_the_gateway_knows_is_watched(module: str) -> None:
    source = ROOT / "shared" / "imagegw" / module
    is_there = source.is_dir() or source.with_suffix(".py").is_file()

    assert (f"imagegw.{module}" in contract("pure")["source_modules"]) == is_there
