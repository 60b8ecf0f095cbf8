"""A queue that cannot be used rests by itself, and is made anew where that is the only cure."""

from __future__ import annotations

import threading

import pika
import pytest

from tests.servers.handles import Broker
from tests.servers.waiting import eventually
from tests.support.messaging import FETCH, RESOLVE, Scene, publish

pytestmark = pytest.mark.integration


def test_a_queue_that_cannot_be_declared_holds_up_no_other(scene: Scene) -> None:
    with pika.BlockingConnection(pika.URLParameters(scene.url)) as connection:
        channel = connection.channel()
        channel.queue_declare(FETCH, durable=False)  # not what we declare: a 406 for whoever does
        publisher, handler = scene.publisher(), scene.consumer(queues=(FETCH, RESOLVE))
        handler.gate.set()
        eventually(lambda: publish(publisher, b"1", "resolve"))
        eventually(lambda: handler.finished == [b"1"])
        assert not publish(publisher, b"2", "fetch")
        assert publish(publisher, b"3", "resolve")
        eventually(lambda: handler.finished == [b"1", b"3"])
        channel.queue_delete(FETCH)
    eventually(lambda: publish(publisher, b"4", "fetch"))
    eventually(lambda: b"4" in handler.finished)


def test_a_queue_without_a_leader_is_made_anew(scene: Scene, broker: Broker) -> None:
    publisher, handler = scene.publisher(), scene.consumer(queues=(FETCH, RESOLVE))
    handler.gate.set()
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.finished == [b"1"])
    vhost = scene.url.rpartition("/")[2]

    broker.evaluate(f'ra:stop_server(quorum_queues, {{list_to_atom("{vhost}_{FETCH}"), node()}})')
    broker.close_connections()

    eventually(lambda: publish(publisher, b"2", "resolve"))
    eventually(lambda: b"2" in handler.finished)
    eventually(lambda: publish(publisher, b"3", "fetch"))
    eventually(lambda: b"3" in handler.finished)


def test_a_channel_that_the_broker_closed_for_a_late_acknowledgement_is_opened_again(
    scene: Scene, broker: Broker
) -> None:
    set_late(broker, timeout_ms=500, tick_ms=100)
    try:
        handler = scene.consumer()
        handler.gate.set()
        handler.refusals = 1_000_000  # the database is away: the message is kept
        publisher = scene.publisher()
        publisher.publish("fetch", b"1")
        eventually(lambda: handler.refused > 0)
        eventually(lambda: scene.ready() == 1)  # the channel is closed, the message back
    finally:
        set_late(broker, timeout_ms=1_800_000, tick_ms=60_000)
    handler.refusals = 0
    publisher.publish("fetch", b"2")
    eventually(lambda: sorted(handler.finished) == [b"1", b"2"])


def test_a_memory_alarm_holds_up_publishing_but_not_consuming(scene: Scene, broker: Broker) -> None:
    publisher, handler = scene.publisher(), scene.consumer()
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.running == [b"1"])
    publisher.publish("fetch", b"2")
    broker.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.0000001)")
    try:
        eventually(lambda: not publish(publisher, b"3"))
        handler.gate.set()
        eventually(lambda: b"2" in handler.finished)
    finally:
        broker.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.4)")
    eventually(lambda: publish(publisher, b"4"), 120)


def test_closing_leaves_no_thread_and_no_connection_behind(scene: Scene, broker: Broker) -> None:
    before = connections(broker)
    publisher = scene.publisher()
    handler, consumer = scene.stoppable()
    handler.gate.set()
    publisher.publish("fetch", b"1")
    eventually(lambda: handler.finished == [b"1"])
    assert connections(broker) == before + 2

    assert consumer.stop(10)
    publisher.close()

    eventually(lambda: connections(broker) == before)
    eventually(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("test-")])


def connections(broker: Broker) -> int:
    return int(broker.evaluate("length(rabbit_networking:connections())"))


def set_late(broker: Broker, *, timeout_ms: int, tick_ms: int) -> None:
    """How long a channel opened from now on may hold a message, and how often it looks."""
    broker.evaluate(
        f"application:set_env(rabbit, consumer_timeout, {timeout_ms}),"
        f" application:set_env(rabbit, channel_tick_interval, {tick_ms})"
    )
