"""One database, two implementations: in memory and in mongod, which answer alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagegw.mongo.client import MongoDatabase, connect
from imagegw.mongo.indexes import Kept
from imagegw.mongo.memory import MemoryDatabase
from imagegw.mongo.port import Database

pytestmark = pytest.mark.integration
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def mongo(mongo_uri: str, mongo_database_name: str) -> Any:
    with connect(mongo_uri, "contract") as client:
        database = MongoDatabase(client, mongo_database_name)
        database.make_indexes({kind: timedelta(days=1) for kind in Kept})
        yield database


@pytest.fixture(params=["memory", "mongod"])
def database(request: pytest.FixtureRequest) -> Database:
    if request.param == "memory":
        return MemoryDatabase()
    found: Database = request.getfixturevalue("mongo")
    return found


def _pull(name: str, **fields: Any) -> dict[str, Any]:
    return {"_id": name, "platform": "p", "type": "docker", "tag": "a:1", "uid": 1, "live": True, **fields}


def test_an_inserted_document_is_read_back_whole(database: Database) -> None:
    document = {"_id": "i", "at": START, "history": [{"rev": 0}], "work": {"due": START}}
    assert database.images.insert(document)
    assert database.images.get("i") == document


def test_the_second_live_pull_of_a_requester_is_refused(database: Database) -> None:
    assert database.pulls.insert(_pull("one"))
    assert not database.pulls.insert(_pull("two"))


def test_an_ended_pull_leaves_room_for_the_next(database: Database) -> None:
    database.pulls.insert(_pull("one"))
    database.pulls.update({"_id": "one"}, {"$unset": {"live": ""}})
    assert database.pulls.insert(_pull("two"))


def test_an_id_is_taken_once(database: Database) -> None:
    assert database.tags.insert({"_id": "t"})
    assert not database.tags.insert({"_id": "t"})


def test_an_update_whose_guard_fails_changes_nothing(database: Database) -> None:
    database.images.insert({"_id": "i", "rev": 1})
    assert database.images.update({"_id": "i", "rev": 0}, {"$set": {"state": "x"}}) is None
    assert database.images.get("i") == {"_id": "i", "rev": 1}


def test_history_keeps_its_newest_entries(database: Database) -> None:
    database.images.insert({"_id": "i", "history": [1, 2]})
    update = {"$push": {"history": {"$each": [3], "$slice": -2}}}
    after = database.images.update({"_id": "i"}, update)
    assert after is not None
    assert after["history"] == [2, 3]


def test_found_documents_come_without_their_history(database: Database) -> None:
    database.images.insert({"_id": "i", "history": [1]})
    assert database.images.find({}) == [{"_id": "i"}]


_VALUES = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from(["a", "b"]))
_SCALARS = st.one_of(st.integers(-2, 2), st.sampled_from(["a", "b"]))
_DOCUMENT = st.fixed_dictionaries(
    {}, optional={"a": _VALUES, "b": _VALUES, "w": st.fixed_dictionaries({}, optional={"x": _VALUES})}
)
_CONDITION = st.one_of(
    _VALUES,
    st.fixed_dictionaries({"$exists": st.booleans()}),
    st.fixed_dictionaries({"$ne": _VALUES}),
    st.sampled_from(["$lt", "$lte", "$gt", "$gte"]).flatmap(lambda name: st.fixed_dictionaries({name: _SCALARS})),
    st.sampled_from(["$in", "$nin"]).flatmap(
        lambda name: st.fixed_dictionaries({name: st.lists(_VALUES, max_size=3)})
    ),
)
_FIELDS = st.fixed_dictionaries({}, optional={"a": _CONDITION, "b": _CONDITION, "w.x": _CONDITION})
_FILTER = st.one_of(_FIELDS, st.lists(_FIELDS, min_size=1, max_size=2).map(lambda found: {"$or": found}))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(_DOCUMENT, max_size=6), filters=st.lists(_FILTER, min_size=1, max_size=8))
def test_both_find_the_same_documents(
    mongo: MongoDatabase, documents: list[dict[str, Any]], filters: list[dict[str, Any]]
) -> None:
    memory = MemoryDatabase()
    mongo.locks.delete({})
    for number, document in enumerate(documents):
        for database in (memory, mongo):
            database.locks.insert({"_id": str(number), **document})
    for query in filters:
        expected = mongo.locks.find(query, sort=[("_id", 1)])
        assert memory.locks.find(query, sort=[("_id", 1)]) == expected, query
