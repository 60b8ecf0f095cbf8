"""Who is the keeper."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from imagegw.mongo.memory import MemoryDatabase
from imagegw.mongo.port import Collection
from imagegw_api.keeper.lock import LOCK_S, hold, release

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def locks() -> Collection:
    return MemoryDatabase().locks


def test_the_first_who_comes_is_the_keeper(locks: Collection) -> None:
    assert hold(locks, "one", NOW)
    assert not hold(locks, "two", NOW)


def test_the_keeper_stays_it_as_long_as_it_beats(locks: Collection) -> None:
    for second in range(60):
        assert hold(locks, "one", after(second))
        assert not hold(locks, "two", after(second))


def test_a_keeper_that_is_gone_is_followed_by_another(locks: Collection) -> None:
    hold(locks, "one", NOW)
    assert not hold(locks, "two", after(LOCK_S - 0.001))

    assert hold(locks, "two", after(LOCK_S))


def test_one_that_comes_back_late_is_the_keeper_no_more(locks: Collection) -> None:
    hold(locks, "one", NOW)
    hold(locks, "two", after(LOCK_S))

    assert not hold(locks, "one", after(LOCK_S + 1))


def test_one_that_comes_back_before_another_goes_on(locks: Collection) -> None:
    hold(locks, "one", NOW)

    assert hold(locks, "one", after(3600))


def test_a_keeper_that_leaves_is_followed_at_once(locks: Collection) -> None:
    hold(locks, "one", NOW)
    release(locks, "one")

    assert hold(locks, "two", NOW)


def test_one_that_leaves_late_does_not_take_the_lock_from_another(locks: Collection) -> None:
    hold(locks, "one", NOW)
    hold(locks, "two", after(LOCK_S))
    release(locks, "one")

    assert not hold(locks, "three", after(LOCK_S))
