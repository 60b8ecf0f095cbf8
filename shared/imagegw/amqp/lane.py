"""One queue's channel in the consuming thread: consume while there is room, settle each message once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from imagegw.amqp.slots import Slots


@dataclass(frozen=True, kw_only=True, eq=False)
class Delivery:
    """A message that is held, and the channel that alone can settle it."""

    lane: Lane
    channel: BlockingChannel
    tag: int
    body: bytes


class Lane:
    """Everything here is called by the consuming thread only, so nothing is locked."""

    def __init__(self, queue: str, slots: int, on_delivery: Callable[[Delivery], None]) -> None:
        self.queue = queue
        self.slots = Slots(slots)
        self._on_delivery = on_delivery
        self._channel: BlockingChannel | None = None
        self._consumer: str | None = None

    @property
    def is_broken(self) -> bool:
        """Whether the channel was closed, or the consumer cancelled, by the broker: pika says neither."""
        if self._channel is None or not self._channel.is_open:
            return True
        return self._consumer is not None and self._consumer not in self._channel.consumer_tags

    def reopen(self, connection: BlockingConnection) -> None:
        """Begin with a new channel; what the old one held comes again, and is claimed only once."""
        if self._channel is not None and self._channel.is_open:
            self._channel.close()
        self._consumer = None
        self._channel = connection.channel()
        self._channel.basic_qos(prefetch_count=1)

    def consume_if_room(self) -> None:
        if self._channel is not None and self._consumer is None and self.slots.has_room:
            self._consumer = self._channel.basic_consume(self.queue, self._deliver)

    def cancel(self) -> None:
        if self._channel is not None and self._channel.is_open and self._consumer is not None:
            self._channel.basic_cancel(self._consumer)
        self._consumer = None

    def acknowledge(self, delivery: Delivery) -> None:
        """Settle the message; cancel first if it fills the last slot, since the ack brings the next one."""
        if delivery.channel is not self._channel or not delivery.channel.is_open:
            return  # comes again by itself
        if not self.slots.has_room:
            self.cancel()
        delivery.channel.basic_ack(delivery.tag)

    def _deliver(self, channel: BlockingChannel, method: object, _properties: object, body: bytes) -> None:
        self.slots.take()
        tag: int = method.delivery_tag  # type: ignore[attr-defined]
        self._on_delivery(Delivery(lane=self, channel=channel, tag=tag, body=body))
