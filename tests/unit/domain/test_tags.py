"""Who holds a tag, and who may see it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from imagegw.domain import tags
from imagegw.domain.acl import Acl
from imagegw.domain.records import Image, Source, Tag
from tests.support.records import NOW, SOURCE, a_pull, a_tag, an_image

EARLIER, LATER = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
NEW_IMAGE = an_image(id="one:cd", image_id="cd")
ELSEWHERE = Source(location="", repository="library/other")


def test_a_new_tag_has_its_puller_as_reader() -> None:
    tag = tags.new(a_pull(uid=7), an_image(), NOW)

    assert (tag.id, tag.image, tag.readers) == ("one/docker/app:1", "one:ab", (7,))


def test_the_newest_resolution_holds_the_tag() -> None:
    patch = tags.point(a_tag(), a_pull(), NEW_IMAGE, LATER)

    assert patch is not None
    assert (patch.set["image"], patch.set["digest"], patch.set["resolved_at"]) == ("one:cd", "cd", LATER)


@pytest.mark.parametrize("resolved_at", [EARLIER, NOW], ids=["earlier", "the same"])
def test_a_resolution_that_is_no_newer_does_not_move_the_tag(resolved_at: datetime) -> None:
    assert tags.point(a_tag(), a_pull(), NEW_IMAGE, resolved_at) is None


def test_who_was_overtaken_has_proved_access_all_the_same() -> None:
    patch = tags.point(a_tag(), a_pull(uid=7), an_image(), EARLIER)

    assert patch is not None
    assert dict(patch.set) == {"readers": (1000, 7)}


def test_readers_of_the_same_repository_stay() -> None:
    patch = tags.point(a_tag(), a_pull(uid=7), NEW_IMAGE, LATER)

    assert patch is not None
    assert patch.set["readers"] == (1000, 7)


def test_readers_of_another_repository_go() -> None:
    patch = tags.point(a_tag(), a_pull(uid=7, source=ELSEWHERE), NEW_IMAGE, LATER)

    assert patch is not None
    assert patch.set["readers"] == (7,)


def test_who_was_overtaken_in_another_repository_reads_nothing() -> None:
    assert tags.point(a_tag(), a_pull(uid=7, source=ELSEWHERE), an_image(), EARLIER) is None


def test_a_repository_is_named_with_its_location_and_an_import_by_its_path() -> None:
    assert tags.repository_name(a_pull(source=SOURCE)) == "/library/app"
    assert tags.repository_name(a_pull(source=None, import_path="/a.squashfs")) == "import:/a.squashfs"


PRIVATE_FOR_7 = an_image(public=False, acl=Acl(uids=(7,)))


@pytest.mark.parametrize(
    ("tag", "image", "uid", "is_seen"),
    [
        (a_tag(public=True), PRIVATE_FOR_7, 8, True),
        (a_tag(), PRIVATE_FOR_7, 1000, True),
        (a_tag(), PRIVATE_FOR_7, 7, True),
        (a_tag(), PRIVATE_FOR_7, 8, False),
        (a_tag(), an_image(public=True, acl=Acl(uids=(7,))), 7, False),
        (a_tag(), an_image(public=False, acl=None), 8, False),
    ],
    ids=["public tag", "reader", "admitted", "stranger", "private name of public bytes", "no acl"],
)
def test_a_tag_is_seen_by_whom_its_repository_or_acl_admits(
    tag: Tag, image: Image, uid: int, is_seen: bool
) -> None:
    assert tags.is_visible(tag, image, uid, ()) is is_seen


def test_an_image_is_for_everybody_or_for_whom_its_acl_admits() -> None:
    assert tags.may_use(an_image(acl=None), 8, ())
    assert tags.may_use(an_image(acl=Acl(gids=(9,))), 8, (9,))
    assert not tags.may_use(an_image(acl=Acl(gids=(9,))), 8, (10,))
