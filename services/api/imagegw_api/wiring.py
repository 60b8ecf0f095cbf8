"""The parts of one serving process, made when it starts and closed when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any

import anyio.to_thread
from pymongo import AsyncMongoClient

from imagegw.config import Settings
from imagegw.config.secret_files import secret_keys
from imagegw.domain.admission import Limits
from imagegw.domain.records import Pull
from imagegw.logins import Logins
from imagegw.mongo import queries
from imagegw.mongo.client import TIMEOUTS
from imagegw.pipeline.desk import Desk
from imagegw.service import open_gateway
from imagegw_api.api import Api
from imagegw_api.clock import LoopClock
from imagegw_api.database import Reader
from imagegw_api.keeper.loop import Keeper
from imagegw_api.pulling import Pulling
from imagegw_api.usage import UsageLog
from imagegw_api.watching import Watcher


async def open_served(settings: Settings, stack: AsyncExitStack) -> Api:
    """The parts over the site's database and broker, and a keeper; waits until the database answers."""
    gateway = await anyio.to_thread.run_sync(open_gateway, settings, "api")
    stack.push_async_callback(anyio.to_thread.run_sync, gateway.close)
    limits = Limits(live=settings.live_pulls, live_per_user=settings.live_pulls_per_user)
    keeper = Keeper(gateway.desk, lifetime=settings.image_expiration_timeout, limits=limits)
    keeper.start()
    stack.push_async_callback(anyio.to_thread.run_sync, keeper.end)
    return await open_parts(settings, stack, gateway.desk, lambda: gateway.publisher.is_connected)


async def open_parts(
    settings: Settings, stack: AsyncExitStack, desk: Desk, is_broker_there: Callable[[], bool]
) -> Api:
    """The parts around a desk, with their tasks running."""
    uri = "" if settings.mongodb_uri is None else settings.mongodb_uri.get_secret_value()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        uri, appname="imagegw-api", tz_aware=True, retryWrites=False, **TIMEOUTS
    )
    stack.push_async_callback(client.close)
    reader = Reader(client, settings.database)
    clock = await anyio.to_thread.run_sync(LoopClock, desk.now)
    usage = UsageLog(reader.note_usage)
    stack.push_async_callback(usage.flush)

    async def read_revs(pull_ids: Any) -> dict[str, int]:
        found = await reader.find_raw(Pull, queries.these(list(pull_ids)), only=("rev",))
        return {document["_id"]: document["rev"] for document in found}

    watcher = Watcher(read_revs)
    for task in (clock.run(), usage.run(), watcher.run()):
        _run(stack, task)
    return Api(
        settings=settings,
        desk=desk,
        reader=reader,
        pulling=Pulling(settings, desk, Logins(desk.database.secrets, secret_keys(settings))),
        usage=usage,
        watcher=watcher,
        now=clock,
        is_broker_there=is_broker_there,
    )


def _run(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Let *work* run until the stack is left."""
    task = asyncio.get_running_loop().create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
