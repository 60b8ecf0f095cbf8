"""How a pull is shown: lines where nobody looks, a bar on a terminal."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from imagegw_cli.display import Bar, Lines, choose_display


def pull(status: str, **fields: Any) -> dict[str, Any]:
    return {"status": status, "status_message": None, "progress": None} | fields


def test_a_log_gets_a_line_for_each_change_and_none_for_a_repeat() -> None:
    out = io.StringIO()
    lines = Lines(Console(file=out))
    for status in ("PULLING", "PULLING", "CONVERSION"):
        lines.show(pull(status))
    assert out.getvalue() == "PULLING\nCONVERSION\n"


def test_a_log_says_what_a_pull_waits_for_as_it_is_written() -> None:
    out = io.StringIO()
    Lines(Console(file=out)).show(pull("PULLING", status_message="[red]hub is busy"))
    assert out.getvalue() == "PULLING  [red]hub is busy\n"


def test_a_stream_that_is_no_terminal_gets_lines() -> None:
    with choose_display(io.StringIO()) as display:
        assert isinstance(display, Lines)


def test_a_terminal_gets_a_bar_for_each_step_with_its_bytes() -> None:
    out = io.StringIO()
    terminal = Console(file=out, force_terminal=True, width=160)
    with choose_display(out, console=terminal) as display:
        assert isinstance(display, Bar)
        display.show(pull("PULLING", progress={"done_bytes": 3_000_000, "total_bytes": 6_000_000}))
        display.show(pull("CONVERSION"))
    shown = out.getvalue()
    assert "PULLING" in shown
    assert "6.0/6.0 MB" in shown  # the next step has begun, so this one is whole
    assert "CONVERSION" in shown
