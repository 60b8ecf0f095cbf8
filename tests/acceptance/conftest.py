"""The whole gateway, as `imagegw up` runs it, with a registry beside it; one for all tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demonstration.workplace import Workplace, push, workplace
from tests.servers import image_maker

Imagegw = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """An empty directory that servers' unprivileged users can reach, which pytest's own is not."""
    directory = Path(tempfile.mkdtemp(prefix="imagegw-acceptance-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def place(open_directory: Path) -> Iterator[Workplace]:
    directory = open_directory / "workplace"
    directory.mkdir()
    with workplace(directory, host=None) as running:
        yield running


@pytest.fixture
def imagegw(place: Workplace) -> Imagegw:
    """Run the `imagegw` command against the gateway; keywords change its environment."""

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "imagegw_cli", *arguments]
        settings = {**place.environ, **environ}
        return subprocess.run(command, env=settings, capture_output=True, text=True, check=False, timeout=120)

    return run


@pytest.fixture
def reference(place: Workplace, tmp_path: Path) -> str:
    """A small image that stands in the registry and that no other test pulls."""
    seed = tmp_path.name.replace("_", "").lower()
    return push(place, image_maker.make_image(tmp_path, seed=seed), f"acceptance/{seed}:1")
