"""What a pull costs: time of each step from its history, and memory of each process from the kernel."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from demonstration.processes import Running, tree_below

Json = dict[str, Any]
_EVERY_S = 0.05
_STEPS = {
    "INIT": "admission",
    "PENDING": "resolve",
    "PULLING": "fetch",
    "CONVERSION": "convert",
    "EXAMINATION": "examine",
    "TRANSFER": "deliver",
}


def step_times(pull: Json) -> list[tuple[str, float]]:
    """Each status that the pull went through, with the seconds until the next one."""
    began: list[tuple[str, datetime]] = [("PENDING", datetime.fromisoformat(pull["created"]))]
    for entry in pull["history"]:
        if entry["status"] != began[-1][0]:
            began.append((entry["status"], datetime.fromisoformat(entry["at"])))
    return [
        (f"{status:<11} {_STEPS.get(status, '')}", (later - at).total_seconds())
        for (status, at), (_, later) in pairwise(began)
    ]


def duration_s(pull: Json) -> float:
    """From the request to the end, by the database's clock."""
    times: Sequence[datetime] = [datetime.fromisoformat(pull[name]) for name in ("created", "ended")]
    return (times[1] - times[0]).total_seconds()


class MemoryWatch:
    """Peak resident memory (VmHWM) of every process below one, by what it is; a context."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._peaks: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    @property
    def peaks_kib(self) -> dict[str, int]:
        """The largest process of each kind."""
        return dict(self._peaks)

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        for process in tree_below(self._root):
            peak = _peak_kib(process)
            if peak is not None:
                self._peaks[process.label] = max(peak, self._peaks.get(process.label, 0))


def _peak_kib(process: Running) -> int | None:
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None  # it has ended
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) if lines else None
