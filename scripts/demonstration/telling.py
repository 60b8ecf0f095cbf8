"""What the demonstration says while it runs: headings, facts, and why it stops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

_TAIL_LINES = 15


class DemoFailed(Exception):
    """Something is not as it should be; the message says what."""


def begin(what: str) -> None:
    """Head the next part."""
    click.secho(f"\n== {what}", bold=True)


def tell(line: str) -> None:
    """One fact."""
    click.echo(f"   {line}")


def tell_rows(rows: Iterable[Sequence[str]]) -> None:
    """Facts in columns, the first one on the left, the others on the right."""
    kept = [list(row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*kept, strict=True)]
    for first, *others in kept:
        cells = [
            first.ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)),
        ]
        tell("  ".join(cells))


def show_tail(log: Path) -> None:
    """The last lines of a log, when something went wrong."""
    if not log.exists():
        return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    click.echo(f"-- the end of {log.name}", err=True)
    for line in lines:
        click.echo(f"   {line[:300]}", err=True)
