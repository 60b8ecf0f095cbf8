"""The server: uvicorn with our protocol, in one process or in several."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

from fastapi import FastAPI
from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess

from imagegw import logs
from imagegw.config import Settings
from imagegw_api.api import Api
from imagegw_api.app import create_app
from imagegw_api.lineage import end_with_parent
from imagegw_api.protocol import DeadlineProtocol
from imagegw_api.wiring import open_served

BACKLOG = 4096
"""A job step of that many ranks connects at one moment."""
HEALTHCHECK_S = 30
"""A serving process that does not answer the one that started it for so long is replaced; on a busy host the
imports at its start alone can take more than uvicorn's five seconds."""


def make_app(settings: Settings) -> FastAPI:
    """The application over the site's database and broker; called once in each serving process."""
    end_with_parent()
    logs.configure(settings.log_level, "api")

    async def open_api(stack: AsyncExitStack) -> Api:
        return await open_served(settings, stack)

    return create_app(settings, open_api)


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit status.

    Several processes share one listening socket; one that dies is started again.
    """
    config = Config(
        partial(make_app, settings),
        factory=True,
        host=settings.listen.host,
        port=settings.listen.port,
        workers=settings.workers,
        loop="uvloop",
        http=DeadlineProtocol,
        ws="none",
        backlog=BACKLOG,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_worker_healthcheck=HEALTHCHECK_S,
        timeout_graceful_shutdown=round(settings.stop_grace.total_seconds()),
    )
    server = Server(config)
    if config.workers == 1:
        server.run()
        return 0 if server.started else 1
    socket = config.bind_socket()
    Multiprocess(config, sockets=[socket]).run()
    return 0
