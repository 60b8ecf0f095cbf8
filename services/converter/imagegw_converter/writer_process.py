"""Runs the program that writes the image file, and feeds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import threading
from typing import TYPE_CHECKING, Self

from imagegw.errors import ToolMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PIPE_BYTES = 1 << 20
"""Enough that feeder and program seldom wait for each other; what an unprivileged process may ask for."""

_GATHERED_BYTES = 1 << 16
_LAST_WORDS = 4096
_LOOK_EVERY_S = 0.5


class WriterDied(Exception):
    """The program ended, or closed its input, before it had everything; or its exit status is not 0."""

    def __init__(self, name: str, status: int, last_words: str) -> None:
        super().__init__(f"{name} ended with status {status}: {last_words or 'it said nothing'}")
        self.last_words = last_words


class WriterProcess:
    """A running writer; a context that leaves no process behind."""

    def __init__(self, command: Sequence[str]) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                bufsize=_GATHERED_BYTES,
                env=environment,
            )
        except OSError as error:
            message = f"{command[0]} cannot be started: {error}"
            raise ToolMissing(message) from error
        self._name = command[0]
        if self._process.stdin is None or self._process.stderr is None:
            message = f"{command[0]} was started without pipes"
            raise ToolMissing(message)
        self._input, self._errors = self._process.stdin, self._process.stderr
        with contextlib.suppress(OSError):  # a limit of the host; slower, not wrong
            fcntl.fcntl(self._input, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._words = b""
        self._listener = threading.Thread(target=self._listen, name=f"{self._name}-stderr", daemon=True)
        self._listener.start()

    def write(self, piece: bytes | memoryview) -> None:
        """Feed the program.

        Raises:
            WriterDied: it takes nothing any more.
        """
        try:
            self._input.write(piece)
        except OSError as error:
            raise self._died() from error

    def finish(self, while_waiting: Callable[[], None]) -> None:
        """End the program's input and wait for it; ``while_waiting`` may raise to stop that.

        Raises:
            WriterDied: its exit status is not 0.
        """
        try:
            self._input.close()
        except OSError as error:
            raise self._died() from error
        while True:
            try:
                status = self._process.wait(timeout=_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                while_waiting()
                continue
            break
        if status != 0:
            raise self._died()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # what is gathered for a dead program is of no use
            self._input.close()
        self._listener.join()
        self._errors.close()

    def _died(self) -> WriterDied:
        """Let the program end by itself, so that its exit status is its own and not our signal's."""
        try:
            status = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._listener.join()
        return WriterDied(self._name, status, self._words.decode(errors="replace").strip())

    def _listen(self) -> None:
        while piece := os.read(self._errors.fileno(), _LAST_WORDS):
            self._words = (self._words + piece)[-_LAST_WORDS:]
