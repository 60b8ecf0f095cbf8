"""Servers that tests ask for: one of each kind for a run, a database or virtual host of its own for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database as MongoDatabase

from tests.servers import choice
from tests.servers.handles import Broker, Database


@pytest.fixture(scope="session")
def shared_mongod() -> Iterator[Database]:
    with choice.database() as database:
        yield database


@pytest.fixture(scope="session")
def shared_broker() -> Iterator[Broker]:
    with choice.broker() as broker:
        yield broker


@pytest.fixture
def mongod(shared_mongod: Database) -> Iterator[Database]:
    """A mongod that the test may kill and start again; the next one gets it running in any case."""
    yield shared_mongod
    shared_mongod.start()


@pytest.fixture
def broker(shared_broker: Broker) -> Iterator[Broker]:
    """A RabbitMQ node that the test may kill and start again; the next one gets it running in any case."""
    yield shared_broker
    shared_broker.start()


@pytest.fixture
def mongo_uri(mongod: Database) -> str:
    return mongod.uri


@pytest.fixture
def mongo_database_name(mongo_database: MongoDatabase[dict[str, Any]]) -> str:
    return mongo_database.name


@pytest.fixture
def mongo_database(mongod: Database) -> Iterator[MongoDatabase[dict[str, Any]]]:
    """An empty database, dropped after the test."""
    with MongoClient[dict[str, Any]](mongod.uri, tz_aware=True) as client:
        database = client[f"test_{uuid.uuid4().hex}"]
        yield database
        mongod.start()  # the test may have left it killed
        client.drop_database(database)


@pytest.fixture
def amqp_url(broker: Broker) -> Iterator[str]:
    """The URL of an empty virtual host, deleted after the test."""
    name = f"test-{uuid.uuid4().hex}"
    yield broker.add_vhost(name)
    broker.start()  # the test may have left it killed
    broker.delete_vhost(name)
