"""`docs/configuration.md` has every key with its default and meaning, as the models have them."""

from __future__ import annotations

from pathlib import Path

from imagegw.config.load import FILE_VARIABLE, OVERRIDES
from imagegw.config.platforms import LocalAccess, Platform, SshAccess
from imagegw.config.reference import describe_keys, render_tables
from imagegw.config.site import Settings
from imagegw.domain.reference import DOCKER_HUB_NAMES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_models() -> None:
    assert DOCUMENT.endswith(render_tables())


def test_every_key_says_what_it_means() -> None:
    rows = list(describe_keys())
    assert len(rows) > 80
    assert [row.key for row in rows if row.meaning in ("", "None")] == []


def test_keys_that_mean_nothing_are_listed() -> None:
    sections = (Settings, Platform, LocalAccess, SshAccess)
    assert [key for section in sections for key in section.means_nothing if f"`{key}`" not in DOCUMENT] == []


def test_the_environment_and_docker_hubs_names_are_listed() -> None:
    names = [FILE_VARIABLE, *OVERRIDES, *(name or '""' for name in DOCKER_HUB_NAMES)]
    assert [name for name in names if f"`{name}`" not in DOCUMENT] == []
