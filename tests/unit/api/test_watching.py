"""Waiting for a pull to change, and usage records, without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from imagegw.domain.records import Image, Tag
from imagegw.domain.status import ImageState
from imagegw.errors import DatabaseAway
from imagegw_api import usage
from imagegw_api.auth.caller import Caller
from imagegw_api.usage import UsageLog
from imagegw_api.watching import Watcher

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALICE = Caller(user="alice", uid=1000, gid=500, gids=(500,), method="token")
IMAGE = Image(id="one:ab", platform="one", image_id="ab", state=ImageState.READY)
TAG = Tag(
    id="one/docker/a:latest",
    platform="one",
    type="docker",
    tag="a:latest",
    image="one:ab",
    digest="ab",
    manifest_digest=None,
    repository="/library/a",
    public=True,
    resolved_at=NOW,
)


class Revs:
    """What the poller reads, and what it asked for."""

    def __init__(self, **revs: int) -> None:
        self.revs = revs
        self.asked: list[list[str]] = []
        self.failures = 0

    async def read(self, pulls: Collection[str]) -> Mapping[str, int]:
        self.asked.append(sorted(pulls))
        if self.failures:
            self.failures -= 1
            raise DatabaseAway("the database does not answer")
        return {name: self.revs[name] for name in pulls if name in self.revs}


async def waited(watcher: Watcher, *waits: tuple[str, int]) -> None:
    poller = asyncio.create_task(watcher.run())
    try:
        async with asyncio.timeout(20):
            await asyncio.gather(*(watcher.wait(name, since, 60) for name, since in waits))
    finally:
        poller.cancel()


@pytest.mark.anyio
async def test_all_who_wait_are_served_by_one_question() -> None:
    revs = Revs(a=2, b=5)

    await waited(Watcher(revs.read, every_s=0), ("a", 1), ("a", 1), ("b", 4))

    assert revs.asked[0] == ["a", "b"]


@pytest.mark.anyio
async def test_a_pull_that_is_gone_has_changed() -> None:
    revs = Revs()

    await waited(Watcher(revs.read, every_s=0), ("a", 1))

    assert revs.asked[0] == ["a"]


@pytest.mark.anyio
async def test_a_database_that_is_away_ends_no_wait() -> None:
    revs = Revs(a=2)
    revs.failures = 3

    await waited(Watcher(revs.read, every_s=0), ("a", 1))

    assert revs.failures == 0


@pytest.mark.anyio
async def test_a_wait_ends_with_its_time_though_nothing_changes() -> None:
    revs = Revs(a=1)

    watcher = Watcher(revs.read, every_s=0)
    poller = asyncio.create_task(watcher.run())
    await watcher.wait("a", 1, 0.01)
    poller.cancel()

    assert all(asked == ["a"] for asked in revs.asked)


class Written:
    """What was written; fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.failures = failures

    async def write(self, records: Sequence[dict[str, Any]]) -> None:
        if self.failures:
            self.failures -= 1
            raise DatabaseAway("the database does not answer")
        self.batches.append(list(records))


@pytest.mark.anyio
async def test_uses_are_written_in_one_go() -> None:
    written = Written()
    log = UsageLog(written.write)
    for _ in range(3):
        log.add(ALICE, TAG, IMAGE, NOW)

    await log.flush()
    await log.flush()

    assert [len(batch) for batch in written.batches] == [3]
    assert written.batches[0][0] == {
        "user": "alice",
        "uid": 1000,
        "system": "one",
        "type": "docker",
        "tag": "a:latest",
        "id": "ab",
        "time": NOW.timestamp(),
        "at": NOW,
    }


@pytest.mark.anyio
async def test_uses_wait_for_a_database_that_is_away() -> None:
    written = Written(failures=1)
    log = UsageLog(written.write)
    log.add(ALICE, TAG, IMAGE, NOW)
    await log.flush()
    log.add(ALICE, TAG, IMAGE, NOW)

    await log.flush()

    assert [len(batch) for batch in written.batches] == [2]


@pytest.mark.anyio
async def test_no_more_uses_are_kept_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "MOST", 2)
    written = Written()
    log = UsageLog(written.write)
    for _ in range(3):
        log.add(ALICE, TAG, IMAGE, NOW)

    await log.flush()

    assert [len(batch) for batch in written.batches] == [2]
