"""SIGKILL for every service, the broker and the database, each while it is in the middle of one pull."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from demonstration.processes import Running, tree_below
from demonstration.telling import DemoFailed, tell
from demonstration.workplace import PLATFORM, Workplace
from imagegw_cli.exits import CommandFailed

_EVERY_S = 0.02
_WRITER = "tar2sqfs of converter"


@dataclass(frozen=True, kw_only=True)
class Kill:
    """Whom to kill, and the moment."""

    victim: str
    moment: str
    has_come: Callable[[], bool]


class Killer:
    """Kills in order, each at its moment, while the context lasts."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._plan = self._make_plan()
        self._dead: set[int] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def check(self) -> None:
        """Return if all were killed.

        Raises:
            DemoFailed: the pull was over before that.
        """
        if self._plan:
            left = ", ".join(kill.victim for kill in self._plan)
            raise DemoFailed(f"the pull had ended before these could be killed: {left}")

    def _make_plan(self) -> list[Kill]:
        return [
            Kill(victim="puller", moment="it fetches layers", has_come=self._is_pulling),
            Kill(victim="rabbitmq", moment="the puller runs again", has_come=lambda: self._is_back("puller")),
            Kill(victim="converter", moment="it writes the squashfs", has_come=lambda: self._lives(_WRITER)),
            Kill(victim="mongod", moment="the converter writes again", has_come=lambda: self._lives(_WRITER)),
            Kill(victim="shipper", moment="it writes to the platform", has_come=self._is_delivering),
            Kill(victim="api", moment="the shipper runs again", has_come=lambda: self._is_back("shipper")),
        ]

    def _run(self) -> None:
        while self._plan and not self._ended.wait(_EVERY_S):
            kill = self._plan[0]
            if kill.has_come():
                self._kill(kill)
                del self._plan[0]

    def _kill(self, kill: Kill) -> None:
        victims = [process for process in self._living() if process.label == kill.victim]
        self._dead |= {process.pid for process in self._living() if process.label in {kill.victim, _WRITER}}
        for process in victims:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it ended with the one before it
        tell(f"killed {kill.victim} ({len(victims)} processes) while {kill.moment}")

    def _living(self) -> list[Running]:
        pid = self._place.up.pid
        return [] if pid is None else tree_below(pid)

    def _lives(self, label: str) -> bool:
        return any(process.label == label and process.pid not in self._dead for process in self._living())

    def _is_back(self, service: str) -> bool:
        return self._lives(service)

    def _is_pulling(self) -> bool:
        try:
            pulls = self._place.gateway.read_queue(PLATFORM)["pulls"]
        except CommandFailed:
            return False
        return any(pull["status"] == "PULLING" for pull in pulls)

    def _is_delivering(self) -> bool:
        return any(self._place.image_dir.glob(".*.tmp"))
