"""Publisher and consumer against a real broker that loses queues and connections, and dies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from imagegw.amqp.consumer import SILENCE_S, Consumer
from imagegw.amqp.publisher import Publisher
from imagegw.amqp.topology import queue_name, work_topology
from imagegw.errors import BrokerAway, DatabaseAway, MessageInvalid
from tests.servers.handles import Broker
from tests.servers.waiting import eventually

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
        assert queue == FETCH
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
        assert queue == FETCH
        self.aside.append((body, reason))

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

    def consumer(self, slots: int = 1, silence_s: float = SILENCE_S) -> Handler:
        handler, consumer = self.stoppable(slots, silence_s)
        self._stack.callback(consumer.stop, 10)
        self._stack.callback(handler.gate.set)
        return handler

    def stoppable(self, slots: int = 1, silence_s: float = SILENCE_S) -> tuple[Handler, Consumer]:
        handler = Handler()
        consumer = Consumer(
            self.url, TOPOLOGY, slots={FETCH: slots}, handler=handler, name="test", silence_s=silence_s
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


@pytest.fixture
def scene(amqp_url: str) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(amqp_url, stack)


def publish(publisher: Publisher, body: bytes) -> bool:
    try:
        publisher.publish("fetch", body)
    except BrokerAway:
        return False
    return True


def test_it_acknowledges_after_the_claim_and_holds_nothing_that_it_cannot_start(scene: Scene) -> None:
    publisher = scene.publisher()
    for body in (b"1", b"2", b"3"):
        publisher.publish("fetch", body)
    one, two = scene.consumer(), scene.consumer()
    eventually(lambda: len(one.running) == 1 and len(two.running) == 1)
    eventually(lambda: scene.ready() == 1)
    one.gate.set()
    eventually(lambda: len(one.finished) == 2)
    assert len(two.running) == 1


def test_a_message_is_kept_while_the_database_is_away(scene: Scene) -> None:
    handler = scene.consumer()
    handler.refusals = 3
    handler.gate.set()
    scene.publisher().publish("fetch", b"1")
    eventually(lambda: handler.finished == [b"1"])
    assert handler.refused == 3


def test_an_undecodable_message_is_put_aside_and_the_next_is_worked_on(scene: Scene) -> None:
    handler = scene.consumer()
    handler.gate.set()
    publisher = scene.publisher()
    publisher.publish("fetch", b"bad")
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.finished == [b"1"])
    assert handler.aside == [(b"bad", "no")]


def test_a_job_survives_the_broker_and_consuming_resumes(scene: Scene, broker: Broker) -> None:
    publisher, handler = scene.publisher(), scene.consumer()
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.running == [b"1"])
    broker.kill()
    handler.gate.set()
    eventually(lambda: handler.finished == [b"1"])
    assert not publish(publisher, b"2")
    broker.start()
    eventually(lambda: publish(publisher, b"3"))
    eventually(lambda: b"3" in handler.finished)


def test_work_goes_on_after_every_connection_was_cut(scene: Scene, broker: Broker) -> None:
    publisher, handler = scene.publisher(), scene.consumer()
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.running == [b"1"])
    broker.close_connections()
    handler.gate.set()
    eventually(lambda: publish(publisher, b"2"))
    eventually(lambda: b"2" in handler.finished)


def test_a_consumer_whose_queue_was_deleted_and_made_again_is_not_deaf(scene: Scene) -> None:
    publisher, handler = scene.publisher(), scene.consumer(silence_s=2.0)
    handler.gate.set()
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.finished == [b"1"])
    scene.delete_queue()
    eventually(lambda: publish(publisher, b"2"))
    eventually(lambda: b"2" in handler.finished)


def test_a_consumer_that_the_broker_has_cancelled_is_opened_again(scene: Scene) -> None:
    handler = scene.consumer()
    handler.gate.set()
    scene.publisher().publish("fetch", b"1")
    eventually(lambda: handler.finished == [b"1"])
    scene.delete_queue()
    eventually(scene.is_queue_there)
    scene.publisher().publish("fetch", b"2")
    eventually(lambda: b"2" in handler.finished)


def test_a_queue_that_somebody_deleted_is_made_again_by_the_next_message(scene: Scene) -> None:
    publisher = scene.publisher()
    publisher.publish("fetch", b"1")
    scene.delete_queue()
    publisher.publish("fetch", b"2")
    assert scene.ready() == 1


def test_a_key_without_a_queue_is_refused(scene: Scene) -> None:
    publisher = scene.publisher()
    with pytest.raises(BrokerAway, match=r"no queue for ship\.unknown"):
        publisher.publish("ship.unknown", b"1")
    publisher.publish("fetch", b"1")


def test_many_threads_publish_at_once_and_nothing_is_lost(scene: Scene) -> None:
    publisher = scene.publisher()
    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(lambda number: publish(publisher, b"%d" % number), range(40)))
    assert all(sent)
    eventually(lambda: scene.ready() == 40)


def test_stopping_waits_for_the_job_and_takes_nothing_new(scene: Scene) -> None:
    publisher = scene.publisher()
    handler, consumer = scene.stoppable()
    for body in (b"1", b"2"):
        publisher.publish("fetch", body)
    eventually(lambda: handler.running == [b"1"])
    stopping = threading.Timer(0.2, handler.gate.set)
    stopping.start()
    assert consumer.stop(60)
    assert handler.finished == [b"1"]
    eventually(lambda: scene.ready() == 1)


def test_stopping_says_that_a_job_did_not_end_in_time(scene: Scene) -> None:
    handler, consumer = scene.stoppable()
    scene.publisher().publish("fetch", b"1")
    eventually(lambda: handler.running == [b"1"])
    assert not consumer.stop(0.1)
    handler.gate.set()
    eventually(lambda: handler.finished == [b"1"])
