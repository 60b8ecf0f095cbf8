"""Descendants whose own parents are gone: they become our children, and end with us."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # <sys/prctl.h>


def adopt_orphans() -> None:
    """Have every descendant of this process become its child when its own parent dies, not init's."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def bury(known: Iterable[int]) -> None:
    """Take the exit status of ended children that are not ``known``, so that none stays as a zombie."""
    ours = set(known)
    for pid in _children():
        if pid not in ours:
            _take_status(pid, os.WNOHANG)


def end_all() -> None:
    """Kill every child, and whatever becomes one because its parent was killed, until none is left."""
    while children := list(_children()):
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            _take_status(pid, 0)


def _children() -> Iterator[int]:
    me = os.getpid()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _parent(entry) == me:
            yield int(entry.name)


def _parent(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has just ended
        return None
    return int(stat.rpartition(")")[2].split()[1])  # proc(5): the name, in brackets, may hold anything


def _take_status(pid: int, options: int) -> None:
    try:
        os.waitpid(pid, options)
    except ChildProcessError:  # taken already
        return
