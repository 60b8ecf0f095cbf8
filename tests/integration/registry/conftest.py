"""Registries for the tests of the registry client and of the puller's downloads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from imagegw.registry.client import RegistryClient
from imagegw.registry.settings import InPlaceRetry, LocationSettings
from tests.servers import docker_registry as registries
from tests.servers import image_maker
from tests.servers.docker_registry import DockerRegistry, docker_registry
from tests.servers.scripted_http import Script, ScriptedPeer, scripted_http

QUICK = InPlaceRetry(attempts=2, first_wait_s=0.01, last_wait_s=0.02)
MakeClient = Callable[..., RegistryClient]
Listen = Callable[[Script], ScriptedPeer]


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """The programs that these tests cannot do without; missing, they fail in CI and are skipped elsewhere."""
    if registries.is_installed() and image_maker.is_installed():
        return
    (pytest.fail if os.environ.get("CI") else pytest.skip)("docker-registry, umoci or skopeo is not installed")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A plain one that lets everybody in."""
    with docker_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of three layers in an OCI layout, as skopeo names it."""
    return image_maker.make_image(tmp_path_factory.mktemp("image"), layers=3)


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    """Clients that are closed at the end of the test."""
    made: list[RegistryClient] = []

    def make(url: str, **settings: object) -> RegistryClient:
        client = RegistryClient(LocationSettings(name="test", url=url, **settings), retry=QUICK)  # type: ignore[arg-type]
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Scripted peers that listen until the end of the test."""
    with ExitStack() as peers:
        yield lambda script: peers.enter_context(scripted_http(script))


@pytest.fixture
def store_root(tmp_path: Path) -> Path:
    """Where a directory store of the test has its blobs."""
    return tmp_path / "store"
