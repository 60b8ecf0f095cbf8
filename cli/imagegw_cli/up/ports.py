"""Ports on the loopback address that nobody listens on."""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"

_FIRST, _LAST = 20_000, 32_000
"""Below Linux's range for outgoing connections (from 32768), whose next one could take a port before us."""


def free_ports(count: int) -> tuple[int, ...]:
    """So many different ports; another process may take one before it is used: be ready to try again."""
    found: set[int] = set()
    while len(found) < count:
        port = random.randrange(_FIRST, _LAST)  # noqa: S311 - keeps neighbours apart, guards nothing
        if _is_free(port):
            found.add(port)
    return tuple(found)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
