"""What a test may do with a server, wherever it runs."""

from __future__ import annotations

from typing import Protocol


class Outage(Protocol):
    """A server that a test may take away and bring back."""

    def kill(self) -> None:
        """End it as a power cut would; returns when it is gone."""

    def start(self) -> None:
        """Bring it back with its data, at the same address; returns when it answers. Repeats do nothing."""


class Database(Outage, Protocol):
    """A mongod, standalone."""

    @property
    def uri(self) -> str:
        """Address and credentials."""


class Broker(Outage, Protocol):
    """A RabbitMQ node."""

    def add_vhost(self, name: str) -> str:
        """The URL of a new virtual host, with credentials that may do everything there."""

    def delete_vhost(self, name: str) -> None:
        """Take a virtual host away, with all that is in it."""

    def close_connections(self) -> None:
        """Cut every client's connection, as a failover does; the node goes on."""

    def evaluate(self, expressions: str) -> str:
        """The value of Erlang expressions in the node: for states that no client can bring about."""
