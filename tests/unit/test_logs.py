"""Log lines: one JSON object each, no secrets, nothing a terminal obeys."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextvars import Context

import pytest
import structlog

from imagegw import logs


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_one_json_object_with_service_level_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "puller")
    structlog.get_logger("x").info("layer_downloaded", size_bytes=3)
    (line,) = lines(capsys)
    assert line["event"] == "layer_downloaded"
    assert line["service"] == "puller"
    assert line["level"] == "info"
    assert line["size_bytes"] == 3


def test_secrets_are_hidden_at_any_depth(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "puller")
    structlog.get_logger("x").info("login_used", password="hunter2", headers=[{"Authorization": "hunter2"}])
    assert "hunter2" not in capsys.readouterr().out


def test_line_breaks_and_escapes_in_values_are_shown_not_obeyed() -> None:
    event = logs.escape(None, "info", {"event": "tag_moved", "tag": "a\x1b[2J\nb\u2028c"})
    assert event["tag"] == r"a\x1b[2J\nb\u2028c"


def test_lines_of_the_standard_library_come_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "api")
    logging.getLogger("some.library").info("started\nforged")
    (line,) = lines(capsys)
    assert line["event"] == r"started\nforged"
    assert line["service"] == "api"


def test_an_empty_context_hides_what_another_thread_has_bound(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "puller")
    structlog.contextvars.bind_contextvars(pull="p1")
    log = structlog.get_logger("x")
    other = threading.Thread(target=Context().run, args=(lambda: log.info("step_ended"),))
    other.start()
    other.join()
    log.info("step_ended")
    first, second = lines(capsys)
    assert "pull" not in first
    assert second["pull"] == "p1"
