"""To whom an outcome is owed, as mongod evaluates it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
import pytest
from pymongo.collection import Collection

from imagegw.mongo import owed

pytestmark = pytest.mark.integration

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Ledger:
    """One document of `owed`, at times that the test says."""

    def __init__(self, collection: Collection[dict[str, Any]]) -> None:
        self._collection = collection

    def owe(self, pull: str, at_s: float) -> None:
        self._collection.update_one({"_id": "k"}, owed.owe(pull, _at(at_s)), upsert=True)

    def take(self, at_s: float) -> str | None:
        found = self._collection.find_one_and_update(
            {"_id": "k"}, owed.take(_at(at_s)), return_document=pymongo.ReturnDocument.AFTER
        )
        return None if found is None else found["taken"]


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def ledger(mongo_uri: str, mongo_database_name: str) -> Iterator[Ledger]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        yield Ledger(client[mongo_database_name]["owed"])


def test_nothing_is_owed_to_a_newcomer(ledger: Ledger) -> None:
    assert ledger.take(0) is None


@pytest.mark.parametrize(("after_s", "taken"), [(0.44, None), (0.45, "a"), (4.0, "a"), (3600.0, "a")])
def test_an_answer_is_taken_once_it_is_as_old_as_a_poll(ledger: Ledger, after_s: float, taken: str | None) -> None:
    ledger.owe("a", 0)

    assert ledger.take(after_s) == taken


def test_an_answer_is_taken_once(ledger: Ledger) -> None:
    ledger.owe("a", 0)

    assert [ledger.take(1), ledger.take(1)] == ["a", None]


def test_what_comes_too_early_leaves_the_answer_for_whom_it_is_owed(ledger: Ledger) -> None:
    ledger.owe("a", 0)

    assert [ledger.take(0.1), ledger.take(0.5)] == [None, "a"]


def test_the_oldest_is_taken_first(ledger: Ledger) -> None:
    ledger.owe("a", 0)
    ledger.owe("b", 0.2)

    assert [ledger.take(0.5), ledger.take(0.5), ledger.take(0.7)] == ["a", None, "b"]


def test_stale_answers_count_as_one_the_newest(ledger: Ledger) -> None:
    for number in range(6):
        ledger.owe(f"old {number}", number / 10)
    ledger.owe("young", 9.8)

    assert [ledger.take(10), ledger.take(10), ledger.take(10.3)] == ["old 5", None, "young"]


def test_a_pulls_id_is_no_expression(ledger: Ledger) -> None:
    ledger.owe("$$ROOT", 0)

    assert ledger.take(1) == "$$ROOT"
