"""What has ended is kept for as long as the site says, also when the site changes its mind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pymongo.database import Database

from imagegw.mongo.client import MongoDatabase, connect
from imagegw.mongo.indexes import INDEXES, Kept, Retention

pytestmark = pytest.mark.integration
DAY_S = 24 * 3600


def keeping(pulls: timedelta, usage: timedelta) -> Retention:
    return {Kept.ENDED_PULLS: pulls, Kept.USAGE: usage}


def lifetimes(database: Database[dict[str, Any]]) -> dict[str, int]:
    """Seconds after which each collection's documents go."""
    return {
        name: index["expireAfterSeconds"]
        for name in database.list_collection_names()
        for index in database[name].index_information().values()
        if "expireAfterSeconds" in index
    }


def names(database: Database[dict[str, Any]]) -> dict[str, set[str]]:
    return {name: set(database[name].index_information()) for name in database.list_collection_names()}


@pytest.fixture
def gateway(mongo_uri: str, mongo_database: Database[dict[str, Any]]) -> Iterator[MongoDatabase]:
    with connect(mongo_uri, "retention") as client:
        yield MongoDatabase(client, mongo_database.name)


def test_ended_pulls_and_usage_are_kept_as_the_site_says(
    gateway: MongoDatabase, mongo_database: Database[dict[str, Any]]
) -> None:
    gateway.make_indexes(keeping(timedelta(days=7), timedelta(days=30)))

    kept = lifetimes(mongo_database)
    assert (kept["pulls"], kept["usage"]) == (7 * DAY_S, 30 * DAY_S)


@pytest.mark.parametrize("days", [3, 14], ids=["shorter", "longer"])
def test_a_setting_that_has_changed_changes_the_index_that_stands(
    gateway: MongoDatabase, mongo_database: Database[dict[str, Any]], days: int
) -> None:
    gateway.make_indexes(keeping(timedelta(days=7), timedelta(days=30)))
    before = names(mongo_database)
    gateway.make_indexes(keeping(timedelta(days=days), timedelta(days=30)))

    kept = lifetimes(mongo_database)
    assert (kept["pulls"], kept["usage"]) == (days * DAY_S, 30 * DAY_S)
    assert names(mongo_database) == before


def test_indexes_are_made_again_without_harm(
    gateway: MongoDatabase, mongo_database: Database[dict[str, Any]]
) -> None:
    same = keeping(timedelta(days=7), timedelta(days=30))
    gateway.make_indexes(same)
    before = names(mongo_database)
    gateway.make_indexes(same)

    assert names(mongo_database) == before
    assert {name: len(found) - 1 for name, found in before.items()} == {
        name: len(indexes) for name, indexes in INDEXES.items() if indexes
    }


def test_a_time_that_mongod_cannot_count_is_the_longest_that_it_can(
    gateway: MongoDatabase, mongo_database: Database[dict[str, Any]]
) -> None:
    gateway.make_indexes(keeping(timedelta(days=100 * 365), timedelta(seconds=1.5)))

    kept = lifetimes(mongo_database)
    assert (kept["pulls"], kept["usage"]) == (2**31 - 1, 2)
