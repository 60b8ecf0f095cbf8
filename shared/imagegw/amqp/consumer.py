"""The consuming thread: hold a message, have it claimed, acknowledge it, run the job in a slot's thread."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from functools import partial
from typing import Protocol

import structlog
from pika.adapters.blocking_connection import BlockingConnection

from imagegw.amqp.connection import LOST, close_quietly, connect, pause_s
from imagegw.amqp.lane import Delivery, Lane
from imagegw.amqp.topology import Topology, declare
from imagegw.errors import MessageInvalid, TransientError

TURN_S = 1.0
SILENCE_S = 60.0
"""A queue that gives nothing for so long is opened anew, in case the broker has forgotten this consumer."""
Job = Callable[[], None]

log = structlog.get_logger(__name__)


class Handler(Protocol):
    """What the worker loop gives; called in threads of their own, so that heartbeats go on meanwhile."""

    def claim(self, queue: str, body: bytes) -> Job | None:
        """The claimed work, or None to forget the message; a TransientError means: ask again."""

    def put_aside(self, queue: str, body: bytes, reason: str) -> None:
        """Store what cannot be decoded."""


class Consumer:
    """Consumes fixed queues, each with its number of slots, until stopped."""

    def __init__(
        self,
        url: str,
        topology: Topology,
        *,
        slots: Mapping[str, int],
        handler: Handler,
        name: str,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._url = url
        self._topology = topology
        self._handler = handler
        self._name = name
        self._silence_s = silence_s
        self._lanes = [Lane(queue_, count, self._start_claim) for queue_, count in slots.items()]
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._connection: BlockingConnection | None = None
        self._failures = 0
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-consumer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_working(self) -> bool:
        """Whether its thread lives, with or without a broker; only a fault of ours ends it before `stop`."""
        return self._thread.is_alive()

    def stop(self, grace_s: float) -> bool:
        """Take nothing new and wait for the jobs; whether all of them ended in time."""
        self._stopping.set()
        self._wake()
        finished = self._ended.wait(grace_s)
        self._abandoned.set()
        self._wake()
        self._thread.join(2 * TURN_S)
        return finished

    # --- consuming thread ---

    def _run(self) -> None:
        try:
            while not self._is_over():
                self._turn_or_wait()
        except Exception:  # whoever runs the service asks `is_working`, and ends it
            log.exception("consumer_failed")
        else:
            self._ended.set()
        finally:
            close_quietly(self._connection)

    def _turn_or_wait(self) -> None:
        try:
            self._turn()
        except LOST as error:
            log.warning("broker_lost", role="consumer", error=repr(error))
            close_quietly(self._connection)
            self._connection = None
            self._failures += 1
            self._wait_without_broker(pause_s(self._failures))

    def _is_over(self) -> bool:
        idle = all(lane.slots.is_idle for lane in self._lanes)
        return self._abandoned.is_set() or (self._stopping.is_set() and idle)

    def _turn(self) -> None:
        if self._connection is None:
            self._connection = connect(self._url, f"{self._name}-consumer")
        for lane in sorted(self._lanes, key=lambda lane: lane.failures):  # one that fails may take long
            self._tend_apart(lane, self._connection)
        self._failures = 0
        self._connection.process_data_events(TURN_S if self._inbox.empty() else 0)
        while not self._inbox.empty():
            self._inbox.get_nowait()()

    def _tend_apart(self, lane: Lane, connection: BlockingConnection) -> None:
        """A queue that fails rests by itself; the others go on, unless it has taken the connection along."""
        if lane.is_resting:
            return
        try:
            self._tend(lane, connection)
        except LOST as error:
            lane.fail(error)
            log.warning("queue_failed", queue=lane.queue, failures=lane.failures, error=repr(error))
            if not connection.is_open:
                raise

    def _tend(self, lane: Lane, connection: BlockingConnection) -> None:
        if self._stopping.is_set():
            lane.cancel()
            return
        if lane.is_broken or lane.is_silent(self._silence_s):
            self._declare(lane, connection)
            tell = log.info if lane.is_broken else log.debug
            lane.reopen(connection)
            tell("queue_opened", queue=lane.queue)
        lane.consume_if_room()

    def _declare(self, lane: Lane, connection: BlockingConnection) -> None:
        """Make what the lane needs; a queue that the broker cannot serve any more is made anew.

        RabbitMQ 3.10, killed within seconds of a quorum queue's declaration, comes back with a queue that has no
        leader: it can be declared, and whoever consumes it waits 65 s for a 541 (tried), for ever again. Its
        messages may go with it: the database has the work, and the sweep publishes it again.
        """
        channel = connection.channel()
        if lane.is_unusable:
            channel.queue_delete(lane.queue)
            log.warning("queue_deleted", queue=lane.queue, reason="the broker cannot serve it")
        declare(channel, self._topology.leading_to(lane.queue))
        channel.close()

    def _wait_without_broker(self, seconds: float) -> None:
        """Jobs and claims end meanwhile; their ends are booked as they come."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._is_over():
            try:
                self._inbox.get(timeout=min(left, TURN_S))()
            except queue.Empty:
                continue

    def _start_claim(self, delivery: Delivery) -> None:
        self._spawn("claim", lambda: self._claim(delivery))

    def _settle(self, delivery: Delivery, job: Job | None) -> None:
        if job is None:
            delivery.lane.slots.give_back()
        try:
            delivery.lane.acknowledge(delivery)
        except LOST as error:
            log.warning("acknowledgement_lost", queue=delivery.lane.queue, error=repr(error))
        if job is not None:  # it is claimed: it runs, acknowledged or not
            self._spawn("slot", lambda: self._work(delivery.lane, job))

    # --- other threads ---

    def _claim(self, delivery: Delivery) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                job = self._claim_once(delivery)
            except TransientError as error:
                log.warning("claim_delayed", queue=delivery.lane.queue, error=error.sentence)
                failures += 1
                self._stopping.wait(pause_s(failures))
                continue
            self._post(partial(self._settle, delivery, job))
            return
        # Not acknowledged: closing the connection gives the message back to the queue.
        self._post(delivery.lane.slots.give_back)

    def _claim_once(self, delivery: Delivery) -> Job | None:
        name = delivery.lane.queue
        try:
            return self._handler.claim(name, delivery.body)
        except MessageInvalid as error:
            log.error("message_refused", queue=name, reason=error.sentence)  # noqa: TRY400 - the peer's fault
            self._handler.put_aside(name, delivery.body, error.sentence)
        except TransientError:
            raise
        except Exception:  # one message must not stop the queue; the sweep publishes it again
            log.exception("claim_failed", queue=name)
        return None

    def _work(self, lane: Lane, job: Job) -> None:
        try:
            job()
        except Exception:  # the worker loop records failures itself; this is a fault in it
            log.exception("job_failed", queue=lane.queue)
        finally:
            self._post(lane.slots.give_back)

    def _spawn(self, role: str, target: Callable[[], None]) -> None:
        # An empty context: nothing that one thread bound to its log lines shows in another's.
        threading.Thread(target=Context().run, args=(target,), name=f"{self._name}-{role}", daemon=True).start()

    def _post(self, action: Callable[[], None]) -> None:
        self._inbox.put(action)
        self._wake()

    def _wake(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            connection.add_callback_threadsafe(lambda: None)
        except LOST:
            return
