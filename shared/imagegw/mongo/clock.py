"""The database's time, for everybody: no host's clock decides anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from imagegw.errors import DatabaseAway

REFRESH_S = 60.0
"""How long the local monotonic clock is trusted to run as the database's does."""


class DatabaseClock:
    """`hello.localTime`, carried on by the local monotonic clock and refreshed; milliseconds."""

    def __init__(
        self, client: MongoClient[dict[str, Any]], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._base: datetime | None = None
        self._read_at = 0.0

    def __call__(self) -> datetime:
        """The time now, aware UTC.

        Raises:
            DatabaseAway: the database has never answered. Later on the last answer is carried on.
        """
        with self._lock:
            if self._base is None or self._monotonic() - self._read_at > REFRESH_S:
                self._refresh()
            return self._carried()

    def _carried(self) -> datetime:
        if self._base is None:
            raise DatabaseAway("the database has not told its time yet")
        now = self._base + timedelta(seconds=self._monotonic() - self._read_at)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _refresh(self) -> None:
        before = self._monotonic()
        try:
            told: datetime = self._client.admin.command("hello")["localTime"]
        except PyMongoError as error:
            if self._base is None:
                raise DatabaseAway("the database does not tell its time") from error
            self._base, self._read_at = self._carried(), self._monotonic()
            return
        after = self._monotonic()
        self._base, self._read_at = told.replace(tzinfo=UTC), before + (after - before) / 2
