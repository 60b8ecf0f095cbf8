"""Removal in two steps, and what stops it."""

from __future__ import annotations

import pytest

from imagegw.domain.status import ImageState
from imagegw.errors import ClaimLost, PlatformRefused
from tests.support.delivering import NAMES, Site
from tests.support.scripted_transport import BODY, Scripted, names_in, ours


def test_meta_goes_at_once_and_the_file_after_the_delay(site: Site) -> None:
    site.make(site.put(BODY))
    site.perform()
    site.expire()
    site.perform()
    assert names_in(site) == {NAMES.file}
    assert site.image.work is not None
    site.clock = site.image.work.due

    site.perform()
    assert names_in(site) == set()
    assert (site.image.state, site.image.pin) == (ImageState.EXPIRED, None)


def test_an_image_that_is_wanted_again_before_the_delay_keeps_its_file(site: Site) -> None:
    site.make(site.put(BODY))
    site.perform()
    inode = site.file.stat().st_ino
    site.expire()
    site.perform()
    site.want_again()
    transport = Scripted(site.image_dir)
    site.transport = transport
    site.perform()

    assert (site.file.stat().st_ino, site.image.state, transport.read_names) == (inode, ImageState.READY, [])
    assert names_in(site) == ours()


def test_removal_leaves_what_is_no_regular_file(site: Site) -> None:
    site.make(site.put(BODY))
    site.perform()
    site.meta.unlink()
    site.meta.symlink_to(site.file)
    site.expire()

    assert isinstance(site.perform().error, PlatformRefused)
    assert site.meta.is_symlink()


def test_a_remover_that_has_lost_its_claim_removes_nothing(site: Site) -> None:
    site.make(site.put(BODY))
    site.perform()
    site.expire()
    sleeper = site.claim()
    site.free_claim()

    with pytest.raises(ClaimLost):
        site.go_on(sleeper)
    assert names_in(site) == ours()
