"""Deliveries to file systems that are full, read-only, elsewhere, or able to share extents."""

from __future__ import annotations

import os
import re
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest

from imagegw.errors import PlatformFull, PlatformRefused
from imagegw.pipeline.performing import Result
from tests.integration.shipper.mounts import btrfs, mounted, needs_root
from tests.support.delivering import Site, squashfs
from tests.support.scripted_transport import BODY, names_in, ours

pytestmark = [pytest.mark.root, needs_root]


def test_a_platform_without_room_is_full_and_says_how_much_is_missing(site: Site) -> None:
    site.make(site.put(BODY))
    with mounted(site.image_dir, "-t", "tmpfs", "-o", "size=2m", "tmpfs"):
        error = site.perform().error
        left = names_in(site)

    assert isinstance(error, PlatformFull)
    assert re.search(rf"needs {len(BODY)}: \d+ are missing", error.sentence)
    assert left == set()


def test_a_platform_that_fills_up_in_mid_copy_is_full_and_keeps_nothing(site: Site) -> None:
    big = squashfs(os.urandom(20 << 20))
    site.make(site.put(big))

    def somebody_writes(done: int) -> None:
        if done == 0:
            (site.image_dir / "theirs").write_bytes(bytes(10 << 20))

    with mounted(site.image_dir, "-t", "tmpfs", "-o", "size=24m", "tmpfs"):
        error = site.perform(lambda done, _: somebody_writes(done)).error
        left = names_in(site)

    assert isinstance(error, PlatformFull)
    assert re.search(r"\d+ bytes were still to be written", error.sentence)
    assert left == {"theirs"}


def test_what_did_not_fit_is_delivered_when_there_is_room(site: Site) -> None:
    site.make(site.put(BODY))
    with mounted(site.image_dir, "-t", "tmpfs", "-o", "size=2m", "tmpfs"):
        site.perform()
    assert site.image.work is not None
    site.clock = site.image.work.due

    assert site.perform().result is Result.DONE
    assert names_in(site) == ours()


def test_a_read_only_directory_is_the_platforms_fault(site: Site) -> None:
    site.make(site.put(BODY))
    with mounted(site.image_dir, "-t", "tmpfs", "-o", "size=9m,ro", "tmpfs"):
        error = site.perform().error

    assert isinstance(error, PlatformRefused)
    assert "Read-only" in error.sentence


def test_a_directory_on_another_file_system_than_the_store_is_served(site: Site) -> None:
    site.make(site.put(BODY))
    with mounted(site.image_dir, "-t", "tmpfs", "-o", "size=16m", "tmpfs"):
        site.perform()
        assert site.file.read_bytes() == BODY
        assert names_in(site) == ours()


def test_on_one_file_system_that_can_extents_are_shared(tmp_path: Path) -> None:
    with btrfs(tmp_path / "disk") as disk:
        for name in ("store", "images"):
            (disk / name).mkdir()
        site = Site(store_dir=disk / "store", image_dir=disk / "images")
        site.make(site.put(BODY))
        reported: list[int] = []
        site.perform(lambda done, _: reported.append(done))

        assert site.file.read_bytes() == BODY
        # Copying begins with a report of 0 bytes; a reflink has no beginning.
        assert reported[0] == len(BODY)
        site.file.chmod(0o644)
        assert site.store.path(site.put(BODY).digest).stat().st_mode & 0o777 == 0o600


def test_a_shared_file_needs_no_room(tmp_path: Path) -> None:
    with btrfs(tmp_path / "disk") as disk:
        for name in ("store", "images"):
            (disk / name).mkdir()
        site = Site(store_dir=disk / "store", image_dir=disk / "images")
        found = os.statvfs(disk)
        big = squashfs(os.urandom(found.f_bavail * found.f_frsize * 6 // 10))
        site.make(site.put(big))

        assert site.perform().result is Result.DONE


def test_a_copy_says_often_how_far_it_is(site: Site) -> None:
    big = squashfs(os.urandom(40 << 20))
    site.make(site.put(big))
    reported: list[int] = []
    with mounted(site.image_dir, "-t", "tmpfs", "-o", "size=64m", "tmpfs"):
        site.perform(lambda done, _: reported.append(done))

    steps = [later - earlier for earlier, later in pairwise(reported)]
    assert reported.count(len(big)) >= 2, "once for the copy, once for reading back"
    assert max(steps) <= 8 << 20


def test_a_large_file_takes_a_few_megabytes_of_memory(site: Site) -> None:
    site.make(site.put(squashfs(os.urandom(64 << 20))))
    tracemalloc.start()
    try:
        site.perform()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 32 << 20
