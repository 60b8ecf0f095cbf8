"""How long the site keeps what has ended: from its configuration to the database's indexes."""

from __future__ import annotations

from datetime import timedelta

from imagegw.config.site import Settings
from imagegw.mongo.indexes import INDEXES, Kept
from imagegw.service import retention


def test_the_sites_own_times_are_what_is_kept_to() -> None:
    settings = Settings.model_construct(
        locations={}, platforms={}, pull_retention=timedelta(days=7), usage_retention=timedelta(days=30)
    )

    assert retention(settings) == {Kept.ENDED_PULLS: timedelta(days=7), Kept.USAGE: timedelta(days=30)}


def test_everything_that_is_kept_by_setting_has_one_index_that_removes_it() -> None:
    found = [index.ttl for indexes in INDEXES.values() for index in indexes if isinstance(index.ttl, Kept)]

    assert sorted(found) == sorted(Kept)


def test_part_of_a_second_is_kept_whole() -> None:
    (usage,) = (index for index in INDEXES["usage"] if index.ttl is Kept.USAGE)

    assert usage.ttl_s({Kept.USAGE: timedelta(seconds=1.5)}) == 2
