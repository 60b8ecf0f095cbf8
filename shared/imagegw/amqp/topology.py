"""Exchanges, queues and bindings as data, and the one function that declares them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from imagegw.domain.routing import CONVERT, CONVERT_LARGE, FETCH, RESOLVE, ship

WORK_EXCHANGE = "imagegw.work"
STAGE_KEYS = (RESOLVE, FETCH, CONVERT, CONVERT_LARGE)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """An exchange."""

    name: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue."""

    name: str
    kind: str  # its only argument: a changed argument is a 406 for every service at an upgrade


@dataclass(frozen=True, kw_only=True)
class Binding:
    """What leads messages of a key from an exchange to a queue."""

    exchange: str
    queue: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Topology:
    """All that a process relies on at the broker."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]

    def has_route(self, exchange: str, key: str) -> bool:
        """Whether a message published so would reach a queue."""
        return any((binding.exchange, binding.key) == (exchange, key) for binding in self.bindings)

    def only(self, key: str) -> Topology:
        """What messages of one key need: they must not wait for the other keys' queues."""
        return self._of(tuple(binding for binding in self.bindings if binding.key == key))

    def leading_to(self, queue: str) -> Topology:
        """What one queue needs to be given messages."""
        return self._of(tuple(binding for binding in self.bindings if binding.queue == queue))

    def _of(self, bindings: tuple[Binding, ...]) -> Topology:
        exchanges = {binding.exchange for binding in bindings}
        queues = {binding.queue for binding in bindings}
        return Topology(
            exchanges=tuple(exchange for exchange in self.exchanges if exchange.name in exchanges),
            queues=tuple(queue for queue in self.queues if queue.name in queues),
            bindings=bindings,
        )


class DeclaringChannel(Protocol):
    """The part of a broker channel that declaring needs."""

    def exchange_declare(self, exchange: str, exchange_type: str, *, durable: bool) -> object: ...
    def queue_declare(self, queue: str, *, durable: bool, arguments: dict[str, str]) -> object: ...
    def queue_bind(self, queue: str, exchange: str, routing_key: str) -> object: ...


def queue_name(key: str) -> str:
    """The work queue that a routing key leads to."""
    return f"imagegw.{key}"


def work_topology(platforms: Iterable[str]) -> Topology:
    """All work queues of a site that serves these platforms."""
    keys = (*STAGE_KEYS, *(ship(platform) for platform in platforms))
    return Topology(
        exchanges=(Exchange(name=WORK_EXCHANGE, kind="direct"),),
        queues=tuple(Queue(name=queue_name(key), kind="quorum") for key in keys),
        bindings=tuple(Binding(exchange=WORK_EXCHANGE, queue=queue_name(key), key=key) for key in keys),
    )


def declare(channel: DeclaringChannel, topology: Topology) -> None:
    """Make what is missing; what is there already stays as it is."""
    for exchange in topology.exchanges:
        channel.exchange_declare(exchange.name, exchange.kind, durable=True)
    for queue in topology.queues:
        channel.queue_declare(queue.name, durable=True, arguments={"x-queue-type": queue.kind})
    for binding in topology.bindings:
        channel.queue_bind(binding.queue, binding.exchange, binding.key)
