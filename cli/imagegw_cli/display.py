"""How a running pull is shown: a bar on a terminal, lines in a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from imagegw_cli.waiting import Display

Json = dict[str, Any]


@contextmanager
def choose_display(stream: IO[str], *, console: Console | None = None) -> Iterator[Display]:
    """The way that suits who looks at *stream*; *console* is what it is, where that is known."""
    console = Console(file=stream, highlight=False) if console is None else console
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[reason]}", style="dim", markup=False),
    )
    with Progress(*columns, console=console) as progress:
        bar = Bar(progress)
        yield bar
        bar.finish()


class Lines:
    """A line whenever the status or its reason changes: for logs and scripts."""

    every_s = 30.0

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""

    def show(self, pull: Json) -> None:
        reason = pull.get("status_message")
        self._say(pull["status"] if not reason else f"{pull['status']}  {reason}")

    def show_away(self, sentence: str) -> None:
        self._say(f"waiting: {sentence}")

    def _say(self, line: str) -> None:
        if line != self._last:
            self._console.print(line, markup=False, soft_wrap=True)
        self._last = line


class Bar:
    """One line that moves, with the bytes of the running step."""

    every_s = 1.0
    """Progress raises no `rev`, so it is asked for."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._status = ""
        self._task: TaskID | None = None

    def show(self, pull: Json) -> None:
        bytes_done = pull.get("progress") or {}
        task = self._task_of(str(pull["status"]))
        self._progress.update(
            task,
            completed=bytes_done.get("done_bytes", 0),
            total=bytes_done.get("total_bytes"),
            reason=pull.get("status_message") or "",
        )

    def show_away(self, sentence: str) -> None:
        self._progress.update(self._task_of(self._status), reason=sentence)

    def finish(self) -> None:
        """Leave the bar of a step that is over: full, or gone if it counted no bytes."""
        if self._task is None:
            return
        task = self._progress.tasks[-1]
        whole = task.completed if task.total is None else task.total
        self._progress.update(self._task, completed=whole, total=whole, reason="", visible=whole > 0)
        self._progress.stop_task(self._task)

    def _task_of(self, status: str) -> TaskID:
        """Each status has a bar of its own, since each step counts its own bytes."""
        if self._task is not None and status == self._status:
            return self._task
        self.finish()
        self._status = status
        self._task = self._progress.add_task(f"{status:<11}", total=None, reason="")
        return self._task
