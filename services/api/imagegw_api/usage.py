"""Usage records: collected, and written in one go every second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from imagegw.domain.records import Image, Tag
from imagegw.errors import DatabaseAway
from imagegw_api.auth.caller import Caller

EVERY_S = 1.0
MOST = 100_000
"""Records kept while the database is away; later ones are lost, and that is logged."""

log = structlog.get_logger(__name__)


class UsageLog:
    """What was looked up, by whom. Adding costs nothing; a task writes."""

    def __init__(self, write: Callable[[Sequence[dict[str, Any]]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: list[dict[str, Any]] = []
        self._lost = 0

    def add(self, caller: Caller, tag: Tag, image: Image, now: datetime) -> None:
        """One lookup was answered."""
        if len(self._waiting) >= MOST:
            self._lost += 1
            return
        self._waiting.append(
            {
                "user": caller.user,
                "uid": caller.uid,
                "system": tag.platform,
                "type": tag.type,
                "tag": tag.tag,
                "id": image.image_id,
                "time": now.timestamp(),
                "at": now,
            }
        )

    async def run(self) -> None:
        """Write every second until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits; what could not be written waits on."""
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            await self._write(batch)
        except DatabaseAway as error:
            self._waiting = [*batch, *self._waiting][:MOST]
            log.warning("usage_delayed", records=len(batch), error=error.sentence)
            return
        if self._lost:
            log.error("usage_lost", records=self._lost)
            self._lost = 0
