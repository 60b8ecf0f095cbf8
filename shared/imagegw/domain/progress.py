"""How a step says how far it is."""

from __future__ import annotations

from typing import Protocol


class ReportProgress(Protocol):
    """Called by a step often (every chunk of bytes will do); the holder of the claim limits what is written.

    Raises:
        StepAborted: the step must stop now, leaving nothing behind that its successor does not expect.
    """

    def __call__(self, done_bytes: int, total_bytes: int | None) -> None: ...


def ignore_progress(done_bytes: int, total_bytes: int | None) -> None:
    """A step that nobody watches."""
