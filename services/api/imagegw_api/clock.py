"""The database's time for the event loop, which must never wait for the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import anyio.to_thread

_REFRESH_S = 10.0


class LoopClock:
    """Carries the database's time on by the local monotonic clock; a task asks for it again and again."""

    def __init__(self, ask: Callable[[], datetime], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """*ask* may block, and has answered before."""
        self._ask = ask
        self._monotonic = monotonic
        self._base, self._read_at = ask(), monotonic()

    def __call__(self) -> datetime:
        """The time now, aware UTC, in milliseconds."""
        now = self._base + timedelta(seconds=self._monotonic() - self._read_at)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def run(self) -> None:
        """Keep the time right until cancelled."""
        while True:
            await asyncio.sleep(_REFRESH_S)
            base = await anyio.to_thread.run_sync(self._ask)
            self._base, self._read_at = base, self._monotonic()
