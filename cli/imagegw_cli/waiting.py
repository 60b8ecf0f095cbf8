"""Following a pull to its end, also over a gateway that is away for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from imagegw_cli.exits import GatewayAway

Json = dict[str, Any]
ENDS = frozenset({"READY", "FAILURE"})
PATIENCE_S = 120.0
"""How long a gateway that was there may be away; a restart takes seconds, and the pull goes on meanwhile."""
AGAIN_S = 1.0


class ReadsPulls(Protocol):
    """What is needed of the gateway."""

    def read_pull(self, pull_id: str, *, wait_s: float, since: int | None) -> Json:
        """The pull, as soon as its `rev` is no more *since*, or after *wait_s*."""


class Display(Protocol):
    """Who is told how it goes."""

    every_s: float
    """How often it wants to hear of a pull whose status does not change."""

    def show(self, pull: Json) -> None:
        """The pull as it is now."""

    def show_away(self, sentence: str) -> None:
        """The gateway does not answer for the moment."""


def wait_for_end(
    gateway: ReadsPulls,
    pull: Json,
    display: Display,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Json:
    """The pull, with its history, once it has ended.

    Raises:
        GatewayAway: the gateway has not answered for `PATIENCE_S`.
        CommandFailed: it refuses to tell.
    """
    since: int | None = None  # the first answer comes at once: a new pull has no history yet
    wait_s = 0.0
    answered_at = clock()
    display.show(pull)
    while True:
        try:
            pull = gateway.read_pull(str(pull["id"]), wait_s=wait_s, since=since)
        except GatewayAway as error:
            if clock() - answered_at > PATIENCE_S:
                raise
            display.show_away(str(error.message).partition("\n")[0])
            pause(AGAIN_S)
            continue
        answered_at = clock()
        display.show(pull)
        if pull["status"] in ENDS:
            return pull
        since, wait_s = pull["rev"], display.every_s
