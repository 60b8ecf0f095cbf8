"""How the gateway connects to its broker: timeouts, heartbeat, and the pause between two attempts."""

from __future__ import annotations

import random

import pika
from pika.exceptions import AMQPError

HEARTBEAT_S = 30
SOCKET_TIMEOUT_S = 5.0
BLOCKED_TIMEOUT_S = 30.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 10.0

LOST = (AMQPError, OSError)
"""What pika raises when a connection or channel cannot be used any more."""


def connect(url: str, name: str) -> pika.BlockingConnection:
    """A new connection that shows ``name`` to the operators; raises one of LOST."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = HEARTBEAT_S
    parameters.socket_timeout = SOCKET_TIMEOUT_S
    parameters.stack_timeout = 2 * SOCKET_TIMEOUT_S
    parameters.blocked_connection_timeout = BLOCKED_TIMEOUT_S
    parameters.client_properties = {"connection_name": name}
    return pika.BlockingConnection(parameters)


def pause_s(failures: int) -> float:
    """How long to wait after so many failures in a row: doubling, bounded, jittered against stampedes."""
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * float(2 ** min(failures, 10)))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


def close_quietly(connection: pika.BlockingConnection | None) -> None:
    """Close a connection that may already be gone."""
    try:
        if connection is not None and connection.is_open:
            connection.close()
    except LOST:
        return
