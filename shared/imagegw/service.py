"""What every service process is made of: database, clock, publisher, desk; and how a worker service runs."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

import structlog
from pymongo import MongoClient
from tenacity import Retrying, retry_if_exception_type, wait_exponential_jitter

from imagegw.amqp.consumer import Consumer
from imagegw.amqp.publisher import Publisher
from imagegw.amqp.topology import queue_name, work_topology
from imagegw.config.site import Settings
from imagegw.contracts.codec import encode
from imagegw.contracts.work import Work, WorkKind
from imagegw.domain.status import Step
from imagegw.errors import BrokerAway, ConfigurationInvalid, DatabaseAway
from imagegw.mongo.client import MongoDatabase, connect
from imagegw.mongo.clock import DatabaseClock
from imagegw.mongo.indexes import Kept, Retention
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.performing import StepFunction
from imagegw.renewal import Renewals
from imagegw.worker import Worker

_LOOK_S = 1.0
HAND_BACK_S = 10.0
"""What steps get to stop in after the grace time, before their claims are left to die."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """One process's connections; made by `open_gateway`, given to whatever needs them."""

    settings: Settings
    client: MongoClient[dict[str, Any]]
    database: MongoDatabase
    publisher: Publisher
    desk: Desk

    def close(self) -> None:
        """Close both connections."""
        self.publisher.close()
        self.client.close()


def open_gateway(settings: Settings, service: str) -> Gateway:
    """Connect one process of *service*; waits until the database answers, since nothing can be done without.

    Raises:
        ConfigurationInvalid: the configuration names no database or no broker.
    """
    if settings.mongodb_uri is None or settings.amqp_url is None:
        raise ConfigurationInvalid(
            "a service that runs alone needs MongoDBURI and AmqpURL (or IMAGEGW_MONGODB_URI and IMAGEGW_AMQP_URL);"
            " `imagegw up` starts both by itself"
        )
    client = connect(settings.mongodb_uri.get_secret_value(), f"imagegw-{service}")
    database = MongoDatabase(client, settings.database)
    now = DatabaseClock(client)
    _wait_for_database(lambda: database.make_indexes(retention(settings)))
    _wait_for_database(now)
    topology = work_topology(list(settings.platforms))
    publisher = Publisher(settings.amqp_url.get_secret_value(), topology, name=service)
    publisher.start()
    desk = Desk(
        database=database,
        now=now,
        new_id=lambda: uuid.uuid4().hex,
        host=f"{socket.gethostname()}/{service}-{os.getpid()}",
        announce=lambda key, kind, identity: _announce(publisher, key, kind, identity),
    )
    return Gateway(settings=settings, client=client, database=database, publisher=publisher, desk=desk)


def retention(settings: Settings) -> Retention:
    """How long the site keeps what has ended."""
    return {Kept.ENDED_PULLS: settings.pull_retention, Kept.USAGE: settings.usage_retention}


def _wait_for_database(ask: Callable[[], object]) -> None:
    Retrying(
        retry=retry_if_exception_type(DatabaseAway),
        wait=wait_exponential_jitter(multiplier=0.5, max=5.0),
        before_sleep=lambda state: log.warning("database_awaited", attempt=state.attempt_number),
    )(ask)


def _announce(publisher: Publisher, key: str, kind: str, identity: str) -> None:
    """Publish a work message; when that fails the sweep does it."""
    try:
        publisher.publish(key, encode(Work(kind=WorkKind(kind), id=identity)))
    except BrokerAway as error:
        log.warning("announcement_failed", key=key, kind=kind, id=identity, error=error.sentence)


def run_worker(gateway: Gateway, service: str, steps: Mapping[Step, StepFunction], slots: Mapping[str, int]) -> int:
    """Work on the queues of *slots* (routing key: slots) until SIGTERM, SIGINT or a stall; the exit status.

    A thread of the connections that has died of a fault ends the process too: whoever supervises it starts it
    again. On a signal nothing new is taken, running steps get `StopGrace` to finish, and what is left is handed
    back.
    """
    settings = gateway.settings
    stop = threading.Event()
    stalled = threading.Event()

    def on_stall() -> None:
        stalled.set()
        stop.set()

    renewals = Renewals(
        now=gateway.desk.now,
        clock=time.monotonic,
        stall_s=settings.stall_timeout.total_seconds(),
        on_stall=on_stall,
    )
    worker = Worker(gateway.desk, steps, renewals, lifetime=settings.image_expiration_timeout)
    consumer = Consumer(
        _secret_url(settings),
        work_topology(list(settings.platforms)),
        slots={queue_name(key): count for key, count in slots.items()},
        handler=worker,
        name=service,
    )
    _stop_on_signals(stop)
    renewals.start()
    consumer.start()
    log.info("service_started", service=service, queues=sorted(slots))
    while not stop.wait(_LOOK_S) and consumer.is_working and gateway.publisher.is_working:
        pass
    has_failed = stalled.is_set() or not stop.is_set()
    _end(consumer, renewals, worker, 0.0 if has_failed else settings.stop_grace.total_seconds())
    gateway.close()
    log.log(
        logging.ERROR if has_failed else logging.INFO, "service_ended", service=service, stalled=stalled.is_set()
    )
    return 1 if has_failed else 0


def _secret_url(settings: Settings) -> str:
    return "" if settings.amqp_url is None else settings.amqp_url.get_secret_value()


def _stop_on_signals(stop: threading.Event) -> None:
    def handle(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def _end(consumer: Consumer, renewals: Renewals, worker: Worker, grace_s: float) -> None:
    grace = threading.Timer(grace_s, renewals.stop_steps)
    grace.start()
    if not consumer.stop(grace_s + HAND_BACK_S):
        log.warning("steps_abandoned")
    grace.cancel()  # the process does not wait for a grace that nobody needs any more
    worker.end()
    renewals.end()
