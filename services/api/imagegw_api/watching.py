"""Waiting for pulls to change: one query every half second for all that are watched, however many wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

import structlog

from imagegw.errors import DatabaseAway

EVERY_S = 0.5

log = structlog.get_logger(__name__)

ReadRevs = Callable[[Collection[str]], Awaitable[Mapping[str, int]]]
"""The `rev` of each of these pulls that there is."""


class Watcher:
    """The one poller of a process."""

    def __init__(self, read_revs: ReadRevs, *, every_s: float = EVERY_S) -> None:
        self._read_revs = read_revs
        self._every_s = every_s
        self._watched: dict[str, set[asyncio.Future[None]]] = {}
        self._seen: dict[asyncio.Future[None], int] = {}
        self._wanted = asyncio.Event()

    async def wait(self, pull_id: str, since: int, timeout_s: float) -> None:
        """Return when the pull's `rev` is another than *since*, or after the timeout."""
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watched.setdefault(pull_id, set()).add(changed)
        self._seen[changed] = since
        self._wanted.set()
        try:
            await asyncio.wait([changed], timeout=timeout_s)
        finally:
            changed.cancel()
            del self._seen[changed]
            self._watched[pull_id].discard(changed)
            if not self._watched[pull_id]:
                del self._watched[pull_id]

    async def run(self) -> None:
        """Look until cancelled; at nothing while nobody waits."""
        while True:
            await self._wanted.wait()
            if not self._watched:
                self._wanted.clear()
                continue
            try:
                self._tell(await self._read_revs(list(self._watched)))
            except DatabaseAway as error:
                log.warning("watch_delayed", error=error.sentence)
            await asyncio.sleep(self._every_s)

    def _tell(self, revs: Mapping[str, int]) -> None:
        for pull_id, waiting in self._watched.items():
            for changed in waiting:
                if not changed.done() and revs.get(pull_id) != self._seen[changed]:
                    changed.set_result(None)
