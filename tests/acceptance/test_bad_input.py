"""What cannot work ends as a FAILURE with a code, a sentence and a hint, and leaves nothing behind.

A gateway of its own, whose pulls may wait for 25 s, so that what is put off reaches its deadline.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demonstration.workplace import Workplace, push, workplace
from tests.servers import image_maker
from tests.servers.waiting import eventually

pytestmark = pytest.mark.acceptance

NOBODY_LISTENS = "127.0.0.1:1"


@pytest.fixture(scope="module")
def hasty(open_directory: Path) -> Iterator[Workplace]:
    """A gateway that gives its pulls 25 s, with its own empty directories."""
    directory = open_directory / "hasty"
    directory.mkdir()
    with workplace(directory, host=None, PullDeadline="25s") as running:
        yield running


@pytest.fixture
def reference(hasty: Workplace, tmp_path: Path) -> str:
    """A small image that stands in the registry and that no other test pulls."""
    seed = tmp_path.name.replace("_", "").lower()
    return push(hasty, image_maker.make_image(tmp_path, seed=seed), f"bad/{seed}:1")


def pull(place: Workplace, reference: str) -> dict[str, Any]:
    """The pull as it is when it has ended."""
    identity = place.gateway.start_pull("demo", reference)["id"]

    ends = eventually(lambda: _ended(place.gateway.read_pull(identity)), 110.0)
    return ends[0]


def _ended(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [found] if found["status"] in {"READY", "FAILURE"} else []


def check_failure(ended: dict[str, Any], code: str) -> None:
    """It failed for that reason, and says so in full."""
    assert (ended["status"], ended["error"]["code"]) == ("FAILURE", code)
    assert ended["error"]["message"]
    assert ended["error"]["hint"]


def left_behind(place: Workplace) -> list[str]:
    """Temporaries on the platform."""
    return [path.name for path in place.image_dir.iterdir() if path.name.startswith(".")]


def test_a_tag_that_is_not_there_fails_at_once(hasty: Workplace, reference: str) -> None:
    check_failure(pull(hasty, f"{reference}-missing"), "manifest_unknown")
    assert pull(hasty, reference)["status"] == "READY"


def test_a_layer_with_other_bytes_fails_and_nothing_of_it_stays(hasty: Workplace, tmp_path: Path) -> None:
    before = set((hasty.directory / "registry").glob("docker/registry/v2/blobs/sha256/*/*/data"))
    reference = push(hasty, image_maker.make_image(tmp_path, seed="corrupt"), "bad/corrupt:1")
    new = set((hasty.directory / "registry").glob("docker/registry/v2/blobs/sha256/*/*/data")) - before
    for blob in new:
        content = blob.read_bytes()
        if content[:2] == b"\x1f\x8b":  # a gzipped layer, neither manifest nor configuration
            blob.write_bytes(content[:-1] + bytes([content[-1] ^ 0xFF]))
    check_failure(pull(hasty, reference), "blob_corrupt")
    assert left_behind(hasty) == []


def test_a_registry_that_cannot_be_reached_fails_at_the_deadline_and_says_why(open_directory: Path) -> None:
    directory = open_directory / "alone"
    directory.mkdir()
    locations = {NOBODY_LISTENS: {"remotetype": "dockerv2", "url": f"http://{NOBODY_LISTENS}"}}
    changes: dict[str, Any] = {"Locations": locations, "DefaultImageLocation": NOBODY_LISTENS, "PullDeadline": "8s"}
    with workplace(directory, host=None, **changes) as place:
        ended = pull(place, f"{NOBODY_LISTENS}/some/image:1")
    check_failure(ended, "deadline_exceeded")
    assert NOBODY_LISTENS in ended["error"]["message"]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system over the image directory")
def test_a_full_image_directory_fails_the_pull_and_the_next_works(hasty: Workplace, tmp_path: Path) -> None:
    reference = push(hasty, image_maker.make_image(tmp_path, seed="full"), "bad/full:1")
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k,mode=0711", "tmpfs", str(hasty.image_dir)]
    subprocess.run(mount, check=True)
    try:
        (hasty.image_dir / "others-file").write_bytes(b"x" * 4096)
        ended = pull(hasty, reference)
        check_failure(ended, "deadline_exceeded")
        assert "bytes free" in ended["error"]["message"]
        assert left_behind(hasty) == []
    finally:
        subprocess.run(["umount", str(hasty.image_dir)], check=True)
    assert pull(hasty, reference)["status"] == "READY"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("pull", "ubuntu:24.04", "--platform", "nowhere"), "nowhere"),
        (("pull", "UPPER/case:1"), "UPPER"),
        (("pull", "name:tag:tag"), "name:tag:tag"),
    ],
)
def test_a_request_that_means_nothing_is_refused_with_what_was_wrong(
    hasty: Workplace, arguments: tuple[str, ...], says: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "imagegw_cli", *arguments],
        env=hasty.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert says in done.stderr
