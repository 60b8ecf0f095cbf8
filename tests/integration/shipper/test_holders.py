"""Two holders of one image, of whom one has slept through the end of its claim."""

from __future__ import annotations

import pytest

from imagegw.domain.acl import Acl
from imagegw.domain.status import ImageState
from imagegw.errors import ClaimLost
from imagegw.pipeline.performing import Result
from tests.support.delivering import NAMES, Site
from tests.support.scripted_transport import BODY, Scripted, names_in, ours


def another_delivers(site: Site) -> None:
    """The keeper has freed the claim of a holder that slept, and another worker does it all."""
    site.free_claim()
    sleeping, site.transport = site.transport, None
    site.perform()
    site.transport = sleeping


def test_a_holder_that_wakes_before_it_looks_at_its_claim_names_nothing(site: Site) -> None:
    site.make(site.put(BODY))
    held = site.claim(lambda done, _: another_delivers(site) if done == 0 else None)

    with pytest.raises(ClaimLost):
        site.go_on(held)
    assert names_in(site) == ours()
    assert site.image.state is ImageState.READY


@pytest.mark.parametrize("before", ["after_read", "write"], ids=["image", "meta"])
def test_a_holder_whose_claim_another_has_just_taken_names_nothing_more(site: Site, before: str) -> None:
    site.make(site.put(BODY))

    def another_claims() -> None:
        site.free_claim()
        site.claim()

    site.transport = Scripted(site.image_dir, **{before: another_claims})
    held = site.claim()

    with pytest.raises(ClaimLost):
        site.go_on(held)
    assert names_in(site) == (set() if before == "after_read" else {NAMES.file})


def test_a_holder_that_sleeps_between_its_last_look_and_the_name_finds_nothing_to_name(site: Site) -> None:
    site.make(site.put(BODY))
    site.transport = Scripted(site.image_dir, name_new=lambda: another_delivers(site))
    held = site.claim()

    with pytest.raises(ClaimLost):
        site.go_on(held)
    assert site.file.read_bytes() == BODY
    assert names_in(site) == ours()


def test_a_holder_that_sleeps_before_it_names_meta_never_brings_an_older_acl_back(site: Site) -> None:
    site.make(site.put(BODY), acl_wanted=Acl(uids=(1, 2)))

    def another_narrows() -> None:
        site.change({"acl_wanted": Acl(uids=(1,)), "acl_wanted_version": 2})
        another_delivers(site)

    site.transport = Scripted(site.image_dir, replace=another_narrows)
    held = site.claim()

    with pytest.raises(ClaimLost):
        site.go_on(held)
    assert "USERACL: 1\n" in site.meta.read_text()
    assert names_in(site) == ours()


def test_a_holder_that_wakes_removes_no_temporary_of_its_successor(site: Site) -> None:
    site.make(site.put(BODY))
    sleeper = site.claim()
    site.free_claim()
    successor = site.claim()
    theirs = site.image_dir / NAMES.temporary(successor.claim)
    theirs.write_bytes(b"half")

    with pytest.raises(ClaimLost):
        site.go_on(sleeper)
    assert theirs.read_bytes() == b"half"
    assert site.go_on(successor).result is Result.DONE
