"""The servers that the tests rest on: they keep what they confirmed, and each test starts from nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ConnectionClosedByBroker, ConnectionWrongStateError
from pymongo import WriteConcern
from pymongo.database import Database as MongoDatabase

from tests.servers.handles import Broker, Database

pytestmark = pytest.mark.integration

QUORUM = {"x-queue-type": "quorum"}
STREAM = {"x-queue-type": "stream"}


@contextmanager
def channel_of(url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel
    finally:
        with suppress(ConnectionWrongStateError):  # the broker closed it, as one of the tests asks it to
            connection.close()


def test_a_confirmed_message_survives_a_kill_of_the_broker(broker: Broker, amqp_url: str) -> None:
    with channel_of(amqp_url) as channel:
        channel.queue_declare("work", durable=True, arguments=QUORUM)
        channel.basic_publish("", "work", b"kept", pika.BasicProperties(delivery_mode=2), mandatory=True)

    broker.kill()
    broker.start()

    with channel_of(amqp_url) as channel:
        assert channel.basic_get("work", auto_ack=True)[2] == b"kept"


def test_stream_queues_work(amqp_url: str) -> None:
    with channel_of(amqp_url) as channel:
        channel.queue_declare("logs", durable=True, arguments=STREAM)
        channel.basic_publish("", "logs", b"line", mandatory=True)
        channel.basic_qos(prefetch_count=1)
        _, _, body = next(iter(channel.consume("logs", arguments={"x-stream-offset": "first"})))
    assert body == b"line"


def test_connections_are_cut_and_the_broker_goes_on(broker: Broker, amqp_url: str) -> None:
    with channel_of(amqp_url) as channel:
        broker.close_connections()
        with pytest.raises(ConnectionClosedByBroker):
            channel.queue_declare("work")
    with channel_of(amqp_url) as channel:
        channel.queue_declare("work")


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_has_a_virtual_host_of_its_own(amqp_url: str, turn: str) -> None:
    with channel_of(amqp_url) as channel:
        found = channel.queue_declare("work", durable=True).method
        channel.basic_publish("", "work", turn.encode(), mandatory=True)
    assert found.message_count == 0


def test_a_journaled_write_survives_a_kill_of_the_database(
    mongod: Database, mongo_database: MongoDatabase[dict[str, Any]]
) -> None:
    safe = WriteConcern(w="majority", j=True)
    mongo_database.get_collection("things", write_concern=safe).insert_one({"_id": "kept"})

    mongod.kill()
    mongod.start()

    assert mongo_database.things.find_one() == {"_id": "kept"}


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_has_a_database_of_its_own(mongo_database: MongoDatabase[dict[str, Any]], turn: str) -> None:
    found = mongo_database.things.count_documents({})
    mongo_database.things.insert_one({"turn": turn})
    assert found == 0
