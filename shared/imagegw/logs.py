"""Structured logs: JSON lines for machines, colour on a terminal; the libraries' lines likewise."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "***"
_SECRET_KEY = re.compile(r"passw|secret|token|credential|authorization|cookie|private_?key|api_?key", re.IGNORECASE)
# C0 and C1 controls, and what Unicode calls a line end: each can forge a line or drive a terminal.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TRACEBACK_KEYS = frozenset({"exception"})


def configure(level: str, service: str) -> None:
    """Send every log line of this process to standard output, each with the service's name."""

    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**event, "service": service}

    is_terminal = sys.stdout.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_service,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(is_terminal)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("pika").setLevel(logging.ERROR)  # it tells every lost connection in a dozen lines
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide the value of every key, at any depth, whose name says that it is a secret."""
    return {key: _redacted(key, value) for key, value in event.items()}


def escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Show control characters instead of obeying them; a traceback keeps its line ends."""
    return {
        key: _escaped_lines(value) if key in _TRACEBACK_KEYS else _escaped(value) for key, value in event.items()
    }


def _ending(is_terminal: bool) -> list[Processor]:  # noqa: FBT001
    if is_terminal:
        return [
            structlog.processors.format_exc_info,
            redact,
            escape,
            structlog.dev.ConsoleRenderer(colors=True),
        ]
    return [
        structlog.processors.format_exc_info,
        redact,
        escape,
        structlog.processors.JSONRenderer(default=str),
    ]


def _redacted(key: object, value: Any) -> Any:
    if isinstance(key, str) and _SECRET_KEY.search(key):
        return REDACTED
    if isinstance(value, Mapping):
        return {inner: _redacted(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(None, item) for item in value]
    return value


def _escaped(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_escaped(str(key)): _escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    return _UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], str(value))


def _escaped_lines(value: Any) -> Any:
    return "\n".join(_escaped(line) for line in str(value).split("\n"))
