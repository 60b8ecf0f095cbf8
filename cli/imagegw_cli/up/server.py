"""A private server: started until it answers, stopped, killed, started again on the same data and ports."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from imagegw.errors import ServerNotStarted
from imagegw_cli.up.process import Process, Program

_ATTEMPTS = 3
"""Another process may take a chosen port first, or an earlier server still be on its way out."""
_POLL_S = 0.1
_LAST_LINES = 5


class Kind(Protocol):
    """What differs between servers."""

    @property
    def name(self) -> str: ...

    def prepare(self) -> tuple[Program, ...]:
        """Make directories and files, choose ports, say what to run, in the order of starting."""

    def is_ready(self) -> bool:
        """Whether it answers with the credentials; sets up the first time what only a running server can."""


class PrivateServer:
    """The processes of one server."""

    def __init__(self, kind: Kind, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.kind = kind
        self.processes: tuple[Process, ...] = ()
        self._pause = pause

    def start(self, *, within_s: float = 120.0) -> None:
        """Start what does not run, and return when it answers; ports stay the same after the first time.

        Raises:
            ServerNotStarted: it ended again and again, or did not answer in time.
        """
        if self.processes:
            self._start_processes(within_s)
            return
        for attempt in range(1, _ATTEMPTS + 1):
            self.processes = tuple(Process(program) for program in self.kind.prepare())
            try:
                self._start_processes(within_s)
                return
            except ServerNotStarted:
                self.kill()
                self.processes = ()
                if attempt == _ATTEMPTS:
                    raise

    def stop(self) -> None:
        """End it in good order."""
        for process in reversed(self.processes):
            process.stop()

    def kill(self) -> None:
        """End it as a power cut would; returns when its processes are gone."""
        for process in reversed(self.processes):
            process.kill()

    def _start_processes(self, within_s: float) -> None:
        for process in self.processes:
            if not process.is_running:
                process.start()
        deadline = time.monotonic() + within_s
        while not self.kind.is_ready():
            self._check(deadline, within_s)
            self._pause(_POLL_S)

    def _check(self, deadline: float, within_s: float) -> None:
        for process in self.processes:
            if not process.is_running:
                code = process.exit_code
                raise ServerNotStarted(f"{process.program.name} ended with {code}: {_last_words(process)}")
        if time.monotonic() > deadline:
            words = _last_words(self.processes[-1])
            raise ServerNotStarted(f"{self.kind.name} did not answer within {within_s:g} s: {words}")


def _last_words(process: Process) -> str:
    log: Path = process.program.log
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return " / ".join([line.strip() for line in lines if line.strip()][-_LAST_LINES:]) + f" (see {log})"
