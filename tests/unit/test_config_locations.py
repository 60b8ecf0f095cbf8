"""Locations: Docker Hub under all its names, and the address of each registry."""

from __future__ import annotations

import pytest

from imagegw.config import Location, base_url, find_location, is_docker_hub

HUB = "https://registry-1.docker.io"


@pytest.mark.parametrize("name", ["", "docker.io", "index.docker.io", "registry-1.docker.io"])
@pytest.mark.parametrize(
    "url", [None, "https://index.docker.io", "https://registry-1.docker.io/", "https://docker.io"]
)
def test_docker_hub_is_one_registry_however_it_is_written(name: str, url: str | None) -> None:
    assert is_docker_hub(name)
    assert base_url(name, Location.model_validate({"url": url})) == HUB


def test_a_cache_of_docker_hub_is_asked_where_it_is() -> None:
    assert (
        base_url("docker.io", Location.model_validate({"url": "http://cache.site.example"}))
        == "http://cache.site.example"
    )


@pytest.mark.parametrize(
    ("name", "url", "address"),
    [
        ("quay.io", None, "https://quay.io"),
        ("localhost:5000", None, "https://localhost:5000"),
        ("localhost:5000", "http://localhost:5000/", "http://localhost:5000"),
        ("ours", "https://registry.site.example/base", "https://registry.site.example/base"),
    ],
)
def test_another_registry_is_asked_at_its_url_or_its_name(name: str, url: str | None, address: str) -> None:
    assert not is_docker_hub(name)
    assert base_url(name, Location.model_validate({"url": url})) == address


def test_docker_hub_is_found_by_its_own_spelling_first_and_by_any_other_then() -> None:
    empty, index = Location.model_validate({}), Location.model_validate({"insecure": True})
    assert find_location({"": empty, "index.docker.io": index}, "index.docker.io") == (
        "index.docker.io",
        index,
    )
    assert find_location({"index.docker.io": index}, "") == ("index.docker.io", index)
    assert find_location({"quay.io": empty}, "") is None
    assert find_location({"quay.io": empty}, "ghcr.io") is None
