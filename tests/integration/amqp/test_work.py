"""Publisher and consumer against a real broker that loses queues and connections, and dies."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagegw.errors import BrokerAway
from tests.servers.handles import Broker
from tests.servers.waiting import eventually
from tests.support.messaging import FETCH, Scene, publish

pytestmark = pytest.mark.integration


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
    assert handler.aside == [(FETCH, b"bad", "no")]


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
