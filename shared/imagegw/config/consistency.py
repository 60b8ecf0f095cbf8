"""What one key of the file asks of another, read from the raw document: said beside all other errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imagegw.config.problems import render_found, render_path
from imagegw.config.values import is_host
from imagegw.domain.reference import DOCKER_HUB_NAMES, is_docker_hub
from imagegw.errors import Problem


def find_contradictions(raw: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Every place where the keys of ``raw`` do not go together.

    Values of the wrong kind are passed over: the models report them.
    """
    return (*_default_location(raw), *_location_names(raw), *_cache_directory(raw), *_databases(raw))


def _default_location(raw: Mapping[str, Any]) -> Iterator[Problem]:
    name, locations = raw.get("DefaultImageLocation", ""), raw.get("Locations")
    if not isinstance(name, str) or not isinstance(locations, dict) or name in locations:
        return
    if is_docker_hub(name) and DOCKER_HUB_NAMES & locations.keys():
        return
    yield Problem(
        path="DefaultImageLocation",
        expected="the name of one of Locations (" + ", ".join(f'"{known}"' for known in locations) + ")",
        found=render_found(name) if "DefaultImageLocation" in raw else 'the default, ""',
    )


def _location_names(raw: Mapping[str, Any]) -> Iterator[Problem]:
    locations = raw.get("Locations")
    if not isinstance(locations, dict):
        return
    for name, location in locations.items():
        has_address = isinstance(location, dict) and location.get("url") is not None
        if not is_docker_hub(name) and not is_host(name) and not has_address:
            yield Problem(
                path=render_path(("Locations", name, "url")),
                expected="a URL, since the location's name is no host name",
                found="nothing",
            )


def _cache_directory(raw: Mapping[str, Any]) -> Iterator[Problem]:
    store = raw.get("Store", {})
    kind = store.get("kind", "directory") if isinstance(store, dict) else None
    if kind == "directory" and raw.get("CacheDirectory") is None:
        yield Problem(path="CacheDirectory", expected="an absolute path, for the store", found="nothing")


def _databases(raw: Mapping[str, Any]) -> Iterator[Problem]:
    ours = raw.get("Database", "imagegw")
    if isinstance(ours, str) and ours == raw.get("MongoDB"):
        yield Problem(
            path="Database",
            expected="another name than MongoDB's, which is the older gateway's database",
            found=render_found(ours),
        )
