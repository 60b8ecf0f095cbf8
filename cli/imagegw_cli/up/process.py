"""A program as a child process that cannot outlive this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imagegw_cli.up import bound
from imagegw_cli.up.account import Account


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run, and how."""

    name: str
    argv: tuple[str, ...]
    """The first is an absolute path. No secret stands here: every user of the machine can read it."""
    environ: Mapping[str, str]
    log: Path
    """Gets what it prints, appended."""
    account: Account | None = None
    """Whom it runs as; None: as this process."""
    stop_within_s: float = 30.0
    """From SIGTERM to SIGKILL."""


class Process:
    """One program, running or not.

    The kernel ties a child to the *thread* that started it: call :meth:`start` from one that lives as long
    as this process.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, minus the number of the signal that ended it; None while it runs or before."""
        return None if self._child is None else self._child.poll()

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start the program in a session of its own, so that Ctrl-C reaches only the one who ends it."""
        account = self.program.account
        owner = "-" if account is None else f"{account.uid}:{account.gid}"
        # Isolated and without site packages: it starts in a few milliseconds, and needs only the library.
        launcher = [sys.executable, "-I", "-S", bound.__file__, str(os.getpid()), owner]
        with self.program.log.open("ab") as log:
            self._child = subprocess.Popen(
                [*launcher, *self.program.argv],
                env=dict(self.program.environ),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL, and wait until it is gone."""
        self._send(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()

    def stop(self) -> None:
        """Ask it to end; after the time that the program is given, end it."""
        self.ask_to_end()
        if self._child is None:
            return
        try:
            self._child.wait(self.program.stop_within_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def _send(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.send_signal(number)  # nothing, if it has ended
