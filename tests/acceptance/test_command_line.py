"""The commands against the real gateway: from the reference to the file on the platform, and every refusal."""

from __future__ import annotations

import json
import subprocess

import pytest

from demonstration.workplace import Workplace
from tests.acceptance.conftest import Imagegw

pytestmark = pytest.mark.acceptance


def test_a_pull_ends_with_the_image_and_its_meta_on_the_platform(
    imagegw: Imagegw, place: Workplace, reference: str
) -> None:
    done = imagegw("pull", reference, "--json")
    pull = json.loads(done.stdout)
    assert (done.returncode, pull["status"]) == (0, "READY")
    listing = subprocess.run(
        ["unsquashfs", "-l", place.image_dir / f"{pull['image_id']}.squashfs"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "squashfs-root/layer-1/file-1" in listing.stdout
    assert (place.image_dir / f"{pull['image_id']}.meta").is_file()


def test_what_was_pulled_is_looked_up_and_listed(imagegw: Imagegw, reference: str) -> None:
    pull = json.loads(imagegw("pull", reference, "--json").stdout)
    assert imagegw("lookup", reference).stdout.strip() == pull["image_id"]
    images = json.loads(imagegw("images", "--json").stdout)["images"]
    assert [reference] in [image["tags"] for image in images]
    assert reference in imagegw("images", COLUMNS="200").stdout


def test_a_pull_without_waiting_is_explained_by_show(imagegw: Imagegw, reference: str) -> None:
    identity = imagegw("pull", reference, "--no-wait").stdout.strip()
    assert imagegw("pull", reference).returncode == 0
    shown = imagegw("show", identity, COLUMNS="200")
    assert shown.returncode == 0
    assert "resolved to sha256:" in shown.stdout


def test_a_second_pull_of_the_same_image_is_ready_too(imagegw: Imagegw, reference: str) -> None:
    first, second = (json.loads(imagegw("pull", reference, "--json").stdout) for _ in range(2))
    assert first["id"] != second["id"]
    assert (second["status"], second["image_id"]) == ("READY", first["image_id"])


def test_a_tag_that_is_not_there_fails_the_pull_and_the_queue_says_so(imagegw: Imagegw, reference: str) -> None:
    missing = f"{reference}-missing"
    done = imagegw("pull", missing)
    assert done.returncode == 1
    assert "manifest_unknown" in done.stderr
    queue = json.loads(imagegw("queue", "--json").stdout)["pulls"]
    assert [pull["error"]["code"] for pull in queue if pull["reference"] == missing] == ["manifest_unknown"]
    assert missing in imagegw("queue", COLUMNS="250").stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("pull", "Not A Reference"), 2),
        (("pull", "ubuntu", "--platform", "moon"), 2),
        (("queue", "--platform", "moon"), 2),
        (("lookup", "never/pulled:1"), 5),
        (("show", "0" * 32), 5),
    ],
)
def test_a_refusal_has_its_exit_code_and_a_hint(
    imagegw: Imagegw, arguments: tuple[str, ...], exit_code: int
) -> None:
    done = imagegw(*arguments)
    assert done.returncode == exit_code
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_an_unknown_token_is_refused(imagegw: Imagegw) -> None:
    assert imagegw("images", IMAGEGW_TOKEN="of somebody else").returncode == 4
