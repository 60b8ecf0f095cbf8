"""Keeps processes running until it is told to stop; then ends them all in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from imagegw_cli.up import adoption
from imagegw_cli.up.backoff import failures_after, pause_s
from imagegw_cli.up.process import Process

_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_WATCHED_SIGNALS = _STOP_SIGNALS | {signal.SIGCHLD}
_TURN_S = 1.0
_ENDING_TURN_S = 0.1

Tell = Callable[[str], None]


class StopRequested(Exception):
    """A signal asks this process to end."""


@contextmanager
def signals_held() -> Iterator[None]:
    """Keep the signals that end us for :func:`pause` to take; call it before any thread is made.

    Handlers would interrupt whatever runs, a start or an end of a server too.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def pause(seconds: float) -> None:
    """Wait so long, or until a child ends.

    Raises:
        StopRequested: a signal says so.
    """
    caught = signal.sigtimedwait(_WATCHED_SIGNALS, seconds)
    if caught is not None and caught.si_signo in _STOP_SIGNALS:
        raise StopRequested


class Watched:
    """One process, and when it may start again."""

    def __init__(self, process: Process, started_at: float) -> None:
        self.process = process
        self._started_at = started_at
        self._failures = 0
        self._due: float | None = None

    def look(self, now: float, tell: Tell) -> None:
        """Start it again if it ended and its wait is over."""
        if self.process.is_running:
            return
        if self._due is None:
            self._put_off(now, tell)
        elif now >= self._due:
            self._due = None
            self._started_at = now
            self.process.start()
            tell(f"{self.process.program.name} started again (pid {self.process.pid})")

    def _put_off(self, now: float, tell: Tell) -> None:
        self._failures = failures_after(self._failures, now - self._started_at)
        wait_s = pause_s(self._failures)
        self._due = now + wait_s
        program = self.process.program
        tell(f"{program.name} ended with {self.process.exit_code}; again in {wait_s:g} s; see {program.log}")


def keep_running(processes: Sequence[Process], tell: Tell) -> None:
    """Start again whatever ends, until a signal asks this process to stop."""
    watched = [Watched(process, time.monotonic()) for process in processes]
    while True:
        for one in watched:
            one.look(time.monotonic(), tell)
        adoption.bury(process.pid for process in processes if process.pid is not None)
        try:
            pause(_TURN_S)
        except StopRequested:
            return


def end_together(processes: Sequence[Process]) -> None:
    """Ask all to end and wait until they have; who takes too long, or a second request, ends them at once."""
    for process in processes:
        process.ask_to_end()
    asked_at = time.monotonic()
    try:
        while running := [process for process in processes if process.is_running]:
            for process in running:
                if time.monotonic() - asked_at > process.program.stop_within_s:
                    process.kill()
            pause(_ENDING_TURN_S)
    except StopRequested:
        for process in processes:
            process.kill()
