"""Publishers and consumers on one virtual host, and a handler that says what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack

import pika
from pika.exceptions import ChannelClosedByBroker

from imagegw.amqp.consumer import SILENCE_S, Consumer
from imagegw.amqp.publisher import Publisher
from imagegw.amqp.topology import queue_name, work_topology
from imagegw.errors import BrokerAway, DatabaseAway, MessageInvalid

TOPOLOGY = work_topology(["alpha"])
FETCH = queue_name("fetch")
RESOLVE = queue_name("resolve")


class Handler:
    """Records what it is asked; jobs wait for the gate."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.running: list[bytes] = []
        self.finished: list[bytes] = []
        self.aside: list[tuple[str, bytes, str]] = []
        self.refusals = 0
        self.refused = 0

    def claim(self, queue: str, body: bytes) -> Callable[[], None] | None:
        if self.refused < self.refusals:
            self.refused += 1
            raise DatabaseAway("away")
        if body == b"bad":
            raise MessageInvalid("no")
        if body in self.running:
            return None
        self.running.append(body)
        return lambda: self.work(body)

    def put_aside(self, queue: str, body: bytes, reason: str) -> None:
        self.aside.append((queue, body, reason))

    def work(self, body: bytes) -> None:
        self.gate.wait(120)
        self.finished.append(body)


class Scene:
    """Publishers and consumers on one virtual host."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self.url = url
        self._stack = stack

    def publisher(self) -> Publisher:
        publisher = Publisher(self.url, TOPOLOGY, name="test")
        publisher.start()
        self._stack.callback(publisher.close)
        return publisher

    def consumer(self, slots: int = 1, silence_s: float = SILENCE_S, queues: tuple[str, ...] = (FETCH,)) -> Handler:
        handler, consumer = self.stoppable(slots, silence_s, queues)
        self._stack.callback(consumer.stop, 10)
        self._stack.callback(handler.gate.set)
        return handler

    def stoppable(
        self, slots: int = 1, silence_s: float = SILENCE_S, queues: tuple[str, ...] = (FETCH,)
    ) -> tuple[Handler, Consumer]:
        handler = Handler()
        consumer = Consumer(
            self.url,
            TOPOLOGY,
            slots=dict.fromkeys(queues, slots),
            handler=handler,
            name="test",
            silence_s=silence_s,
        )
        consumer.start()
        return handler, consumer

    def ready(self) -> int:
        """Messages in the queue that nobody holds."""
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            declared = connection.channel().queue_declare(FETCH, passive=True)
            return int(declared.method.message_count)

    def is_queue_there(self) -> bool:
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            try:
                connection.channel().queue_declare(FETCH, passive=True)
            except ChannelClosedByBroker:
                return False
            return True

    def delete_queue(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            connection.channel().queue_delete(FETCH)


def publish(publisher: Publisher, body: bytes, key: str = "fetch") -> bool:
    """Whether the broker has confirmed it."""
    try:
        publisher.publish(key, body)
    except BrokerAway:
        return False
    return True
