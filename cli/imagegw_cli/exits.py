"""How the command ends: its exit codes, and errors that say what to do next."""

from __future__ import annotations

from enum import IntEnum

import click


class ExitCode(IntEnum):
    """What programs and job prologues can tell apart. Documented in `docs/command-line.md`."""

    DONE = 0
    PULL_FAILED = 1
    USAGE = 2
    """Also what the gateway itself refuses as malformed: a reference, an unknown platform."""
    GATEWAY_AWAY = 3
    """It does not answer, or says that it cannot now."""
    NOT_ALLOWED = 4
    """No token, an unknown one, or one that may not do this."""
    NOT_FOUND = 5
    GATEWAY_WRONG = 6
    """An answer that is none of the gateway's: a fault of its own, or another server at that address."""
    INTERRUPTED = 130
    """128 and SIGINT, as shells have it."""


class CommandFailed(click.ClickException):
    """Ends the command: one sentence, what to do next, and the exit code."""

    def __init__(self, exit_code: ExitCode, sentence: str, hint: str = "") -> None:
        super().__init__(f"{sentence}\n{hint}" if hint else sentence)
        self.exit_code = int(exit_code)  # type: ignore[misc] # click reads it from the instance


class GatewayAway(CommandFailed):
    """The gateway gave no answer; asking again may help, unless the address is wrong."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(ExitCode.GATEWAY_AWAY, sentence, hint)
