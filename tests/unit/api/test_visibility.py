"""Who may see which pull and which tag."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from imagegw.domain.acl import Acl
from imagegw.domain.records import Image, Pull, Tag
from imagegw.domain.status import ImageState
from imagegw_api.auth.caller import ANONYMOUS, Caller
from imagegw_api.visibility import may_see, visible_tags

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALICE = Caller(user="alice", uid=1000, gid=500, gids=(500,), method="token")
BOB = Caller(user="bob", uid=1001, gid=501, gids=(501, 600), method="token")
PULL = Pull(
    id="p1",
    platform="one",
    type="docker",
    tag="secret:latest",
    uid=1000,
    gid=500,
    user="alice",
    live=True,
    created=NOW,
    deadline=NOW + timedelta(days=1),
)
IMAGE = Image(id="one:ab", platform="one", image_id="ab", state=ImageState.READY, acl=Acl(uids=(1000,)))
TAG = Tag(
    id="one/docker/secret:latest",
    platform="one",
    type="docker",
    tag="secret:latest",
    image="one:ab",
    digest="ab",
    manifest_digest=None,
    repository="/team/secret",
    public=False,
    readers=(1000,),
    resolved_at=NOW,
)


def test_before_anything_is_known_of_it_a_pull_is_its_requesters_own() -> None:
    assert may_see(PULL, None, ALICE)
    assert not may_see(PULL, None, BOB)
    assert not may_see(PULL, None, ANONYMOUS)


def test_a_public_images_pull_is_everybodys() -> None:
    assert may_see(replace(PULL, public=True), None, ANONYMOUS)


@pytest.mark.parametrize(
    ("wanted", "public", "sees"),
    [
        (Acl(uids=(1000,)), False, False),
        (Acl(uids=(1000, 1001)), False, True),
        (Acl(uids=(1000,), gids=(600,)), False, True),
        (None, True, False),
        (None, False, False),
    ],
)
def test_a_private_images_pull_is_seen_by_whom_the_image_will_admit(
    wanted: Acl | None, public: bool, sees: bool
) -> None:
    image = replace(IMAGE, acl_wanted=wanted, public=public)

    assert may_see(replace(PULL, public=False), image, BOB) is sees


def test_tags_of_an_image_that_one_may_not_use_are_not_seen() -> None:
    assert visible_tags(IMAGE, [TAG, replace(TAG, public=True)], BOB) == []


def test_of_public_bytes_only_the_public_repositorys_tag_is_seen() -> None:
    public = replace(TAG, id="one/docker/open:latest", tag="open:latest", public=True)
    image = replace(IMAGE, acl=None, public=True)

    assert visible_tags(image, [TAG, public], BOB) == [public]
    assert visible_tags(image, [TAG, public], ALICE) == [TAG, public]
