"""What the routes work with: one process's parts, found on every request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import HTTPConnection

from imagegw.config import Settings
from imagegw.pipeline.desk import Desk
from imagegw_api.auth.caller import Caller
from imagegw_api.database import Reader
from imagegw_api.pulling import Pulling
from imagegw_api.usage import UsageLog
from imagegw_api.watching import Watcher


@dataclass(frozen=True, kw_only=True)
class Api:
    """The parts of one process."""

    settings: Settings
    desk: Desk
    """For what changes documents: it blocks, so it is used in threads only."""
    reader: Reader
    pulling: Pulling
    usage: UsageLog
    watcher: Watcher
    now: Callable[[], datetime]
    is_broker_there: Callable[[], bool]


def api_of(request: HTTPConnection) -> Api:
    """The parts that serve *request*."""
    api: Api = request.state.api
    return api


def caller_of(request: HTTPConnection) -> Caller:
    """Who sent *request*; the gate lets none through of whom that is not known."""
    caller: Caller = request.state.caller
    return caller
