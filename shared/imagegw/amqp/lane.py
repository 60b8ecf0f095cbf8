"""One queue's channel in the consuming thread: consume while there is room, settle each message once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

from imagegw.amqp.connection import pause_s
from imagegw.amqp.slots import Slots

_UNUSABLE = frozenset({404, 541})
"""Reply codes to declaring or consuming a queue that stands in the broker's books and has no process or leader."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Delivery:
    """A message that is held, and the channel that alone can settle it."""

    lane: Lane
    channel: BlockingChannel
    tag: int
    body: bytes


class Lane:
    """Everything here is called by the consuming thread only, so nothing is locked."""

    def __init__(
        self,
        queue: str,
        slots: int,
        on_delivery: Callable[[Delivery], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.queue = queue
        self._clock = clock
        self._heard_at = clock()
        self.slots = Slots(slots)
        self._on_delivery = on_delivery
        self._channel: BlockingChannel | None = None
        self._consumer: str | None = None
        self._is_cancelled = False
        self.failures = 0
        self.is_unusable = False
        self._rests_until = clock()

    @property
    def is_resting(self) -> bool:
        """Whether it has failed a moment ago."""
        return self._clock() < self._rests_until

    def fail(self, error: Exception) -> None:
        """It could not be opened, or consumed: rest, so that it does not hold up the others."""
        self.failures += 1
        self._rests_until = self._clock() + pause_s(self.failures)
        if isinstance(error, ChannelClosedByBroker | ConnectionClosedByBroker):
            self.is_unusable = error.reply_code in _UNUSABLE

    @property
    def is_broken(self) -> bool:
        """Whether the channel was closed, or the consumer cancelled, by the broker.

        pika raises neither: a closed channel has to be asked, and a cancelled consumer (its queue was deleted)
        stays among the channel's consumer tags.
        """
        return self._channel is None or not self._channel.is_open or self._is_cancelled

    def is_silent(self, for_s: float) -> bool:
        """Whether it has consumed for so long without being given anything.

        A queue that is deleted and made again at once may leave a consumer behind that is never told, and never
        given a message again (tried, 3.10): only asking anew helps.
        """
        return self._consumer is not None and self._clock() - self._heard_at >= for_s

    def reopen(self, connection: BlockingConnection) -> None:
        """Begin with a new channel; what the old one held comes again, and is claimed only once."""
        if self._channel is not None and self._channel.is_open:
            self._channel.close()
        self._consumer, self._is_cancelled = None, False
        self._channel = connection.channel()
        self._channel.add_on_cancel_callback(self._on_cancel)
        self._channel.basic_qos(prefetch_count=1)

    def consume_if_room(self) -> None:
        if self._channel is not None and self._consumer is None and self.slots.has_room:
            self._consumer = self._channel.basic_consume(self.queue, self._deliver)
            self._heard_at = self._clock()
            self.failures, self.is_unusable = 0, False

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

    def _on_cancel(self, _frame: object) -> None:
        self._is_cancelled = True

    def _deliver(self, channel: BlockingChannel, method: object, _properties: object, body: bytes) -> None:
        self._heard_at = self._clock()
        self.slots.take()
        tag: int = method.delivery_tag  # type: ignore[attr-defined]
        self._on_delivery(Delivery(lane=self, channel=channel, tag=tag, body=body))
