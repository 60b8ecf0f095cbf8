"""Publisher and consumer against a real broker that blocks, closes channels, and dies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pika
import pytest
from broker import Broker, eventually

from imagegw.amqp.consumer import Consumer
from imagegw.amqp.publisher import Publisher
from imagegw.amqp.topology import queue_name, work_topology
from imagegw.errors import BrokerAway, DatabaseAway, MessageInvalid

TOPOLOGY = work_topology(["alpha"])
FETCH = queue_name("fetch")


class Handler:
    """Records what it is asked; jobs wait for the gate."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.running: list[bytes] = []
        self.finished: list[bytes] = []
        self.aside: list[tuple[bytes, str]] = []
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
        self.aside.append((body, reason))

    def work(self, body: bytes) -> None:
        self.gate.wait(120)
        self.finished.append(body)


def messages(broker: Broker) -> tuple[int, int]:
    """Ready and unacknowledged in the fetch queue."""
    rows = broker.ctl("list_queues", "name", "messages_ready", "messages_unacknowledged").splitlines()
    counts = {name: (int(ready), int(held)) for name, ready, held in (row.split("\t") for row in rows[1:])}
    return counts[FETCH]


@pytest.fixture
def stack(broker: Broker) -> Iterator[ExitStack]:
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        for queue in TOPOLOGY.queues:
            connection.channel().queue_delete(queue.name)
    with ExitStack() as stack:
        yield stack


def publishing(broker: Broker, stack: ExitStack) -> Publisher:
    publisher = Publisher(broker.url, TOPOLOGY, name="test")
    publisher.start()
    stack.callback(publisher.close)
    return publisher


def consuming(broker: Broker, stack: ExitStack, slots: int = 1) -> Handler:
    handler = Handler()
    consumer = Consumer(broker.url, TOPOLOGY, slots={FETCH: slots}, handler=handler, name="test")
    consumer.start()
    stack.callback(consumer.stop, 10)
    stack.callback(handler.gate.set)
    return handler


def publish(publisher: Publisher, body: bytes) -> bool:
    try:
        publisher.publish("fetch", body)
    except BrokerAway:
        return False
    return True


def test_it_acknowledges_after_the_claim_and_holds_nothing_that_it_cannot_start(
    broker: Broker, stack: ExitStack
) -> None:
    publisher = publishing(broker, stack)
    for body in (b"1", b"2", b"3"):
        publisher.publish("fetch", body)
    one, two = consuming(broker, stack), consuming(broker, stack)
    eventually(lambda: len(one.running) == 1 and len(two.running) == 1)
    eventually(lambda: messages(broker) == (1, 0))
    one.gate.set()
    eventually(lambda: len(one.finished) == 2)
    assert len(two.running) == 1


def test_a_message_is_kept_while_the_database_is_away(broker: Broker, stack: ExitStack) -> None:
    handler = consuming(broker, stack)
    handler.refusals = 3
    handler.gate.set()
    publishing(broker, stack).publish("fetch", b"1")
    eventually(lambda: handler.finished == [b"1"])
    assert handler.refused == 3


def test_an_undecodable_message_is_put_aside_and_the_next_is_worked_on(broker: Broker, stack: ExitStack) -> None:
    handler = consuming(broker, stack)
    handler.gate.set()
    publisher = publishing(broker, stack)
    publisher.publish("fetch", b"bad")
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.finished == [b"1"])
    assert handler.aside == [(b"bad", "no")]


def test_a_job_survives_the_broker_and_consuming_resumes(broker: Broker, stack: ExitStack) -> None:
    publisher, handler = publishing(broker, stack), consuming(broker, stack)
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.running == [b"1"])
    broker.kill()
    handler.gate.set()
    eventually(lambda: handler.finished == [b"1"])
    assert not publish(publisher, b"2")
    broker.start()
    eventually(lambda: publish(publisher, b"3"))
    eventually(lambda: b"3" in handler.finished)


def test_a_consumer_that_the_broker_has_cancelled_is_opened_again(broker: Broker, stack: ExitStack) -> None:
    publisher, handler = publishing(broker, stack), consuming(broker, stack)
    handler.gate.set()
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.finished == [b"1"])
    broker.ctl("delete_queue", FETCH)
    eventually(lambda: publish(publisher, b"2"))
    eventually(lambda: b"2" in handler.finished)


def test_a_key_without_a_queue_is_refused(broker: Broker, stack: ExitStack) -> None:
    publisher = publishing(broker, stack)
    with pytest.raises(BrokerAway, match=r"no queue for ship\.unknown"):
        publisher.publish("ship.unknown", b"1")
    publisher.publish("fetch", b"1")


def test_a_memory_alarm_holds_up_publishing_but_not_consuming(broker: Broker, stack: ExitStack) -> None:
    publisher, handler = publishing(broker, stack), consuming(broker, stack)
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.running == [b"1"])
    publisher.publish("fetch", b"2")
    broker.ctl("set_vm_memory_high_watermark", "0.0000001")
    try:
        eventually(lambda: not publish(publisher, b"3"))
        handler.gate.set()
        eventually(lambda: b"2" in handler.finished)
    finally:
        broker.ctl("set_vm_memory_high_watermark", "0.4")
    eventually(lambda: publish(publisher, b"4"), 120)
