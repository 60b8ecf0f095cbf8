"""Waiting for what a test waits for, never for the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

Result = TypeVar("Result")

_POLL_S = 0.05


def eventually(predicate: Callable[[], Result], timeout_s: float = 60.0) -> Result:
    """The first true answer of ``predicate``; fails the test if none comes in time."""
    pause = Event()
    deadline = time.monotonic() + timeout_s
    while not (answer := predicate()):
        assert time.monotonic() < deadline, f"it did not happen within {timeout_s:g} s: {predicate}"
        pause.wait(_POLL_S)
    return answer
