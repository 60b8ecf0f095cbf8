"""Publishing with confirmation, from any thread, over one connection that a thread of its own serves."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import ChannelClosedByBroker, ChannelWrongStateError, NackError, UnroutableError

from imagegw.amqp.connection import LOST, close_quietly, connect, pause_s
from imagegw.amqp.topology import WORK_EXCHANGE, Topology, declare
from imagegw.errors import BrokerAway

TURN_S = 1.0
_REFUSING_TURN_S = 0.2

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Request:
    exchange: str
    key: str
    body: bytes
    confirmed: Future[None] = field(default_factory=Future)


class Publisher:
    """Publishes until closed; while the broker is away every publish fails soon with BrokerAway."""

    def __init__(self, url: str, topology: Topology, *, name: str, timeout_s: float = 5.0) -> None:
        self._url = url
        self._topology = topology
        self._name = name
        self._timeout_s = timeout_s
        self._requests: queue.Queue[_Request] = queue.Queue()
        self._stopping = threading.Event()
        self._connection: BlockingConnection | None = None
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"{name}-publisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_working(self) -> bool:
        """Whether its thread lives, with or without a broker; only a fault of ours ends it before `close`."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End the thread and its connection; what is still waiting fails with BrokerAway."""
        self._stopping.set()
        self._wake()
        self._thread.join(2 * self._timeout_s)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection that looks alive; heartbeats find out within a minute."""
        connection = self._connection
        return connection is not None and connection.is_open

    def publish(self, key: str, body: bytes, *, exchange: str = WORK_EXCHANGE) -> None:
        """Return when the broker has confirmed the message in a queue.

        Raises BrokerAway when it did not within the timeout, or has no queue for the key. The message may
        nevertheless have arrived.
        """
        if self._stopping.is_set():
            raise BrokerAway("the publisher is closed")
        request = _Request(exchange=exchange, key=key, body=body)
        self._requests.put(request)
        self._wake()
        try:
            request.confirmed.result(self._timeout_s)
        except (FutureTimeoutError, CancelledError) as error:
            request.confirmed.cancel()
            raise BrokerAway(f"the broker did not confirm within {self._timeout_s} s") from error

    def _wake(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            connection.add_callback_threadsafe(lambda: None)
        except LOST:
            return  # its thread is about to notice, and then fails what waits

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._serve_until_lost()
        except Exception:  # whoever runs the service asks `is_working`, and ends it
            log.exception("publisher_failed")
        finally:
            self._refuse_waiting()

    def _serve_until_lost(self) -> None:
        try:
            self._serve()
        except LOST as error:
            log.warning("broker_lost", role="publisher", error=repr(error))
            self._failures += 1
            self._refuse_for(pause_s(self._failures))
        finally:
            close_quietly(self._connection)
            self._connection = None

    def _serve(self) -> None:
        self._connection = connection = connect(self._url, f"{self._name}-publisher")
        channel = connection.channel()
        # Queues are made when a message finds none, so that one that cannot be made holds up no other key.
        declare(channel, Topology(exchanges=self._topology.exchanges, queues=(), bindings=()))
        channel.confirm_delivery()
        self._failures = 0
        while not self._stopping.is_set():
            self._send_waiting(connection, channel)
            connection.process_data_events(TURN_S if self._requests.empty() else 0)
            if not channel.is_open:
                raise ChannelWrongStateError("the broker closed the channel")

    def _send_waiting(self, connection: BlockingConnection, channel: BlockingChannel) -> None:
        while not self._requests.empty():
            request = self._requests.get_nowait()
            # A caller that gave up has cancelled: nothing piles up behind a blocked connection.
            if request.confirmed.set_running_or_notify_cancel():
                self._send(connection, channel, request)

    def _send(self, connection: BlockingConnection, channel: BlockingChannel, request: _Request) -> None:
        """Publish, and say to who waits how it ended, whatever happens."""
        try:
            self._publish(connection, channel, request)
        except UnroutableError:
            request.confirmed.set_exception(BrokerAway(f"the broker has no queue for {request.key}"))
        except NackError:
            request.confirmed.set_exception(BrokerAway(f"the broker refused a message for {request.key}"))
        except Exception as error:
            request.confirmed.set_exception(BrokerAway(f"the broker was lost while publishing: {error!r}"))
            raise
        else:
            request.confirmed.set_result(None)

    def _publish(self, connection: BlockingConnection, channel: BlockingChannel, request: _Request) -> None:
        try:
            _publish_once(channel, request)
        except UnroutableError:
            if not (
                self._topology.has_route(request.exchange, request.key) and self._declare(connection, request.key)
            ):
                raise
            _publish_once(channel, request)

    def _declare(self, connection: BlockingConnection, key: str) -> bool:
        """Make the key's queue, which is new here or was deleted; whether the broker allows it."""
        declaring = connection.channel()  # of its own: a refusal closes it
        try:
            declare(declaring, self._topology.only(key))
            declaring.close()
        except ChannelClosedByBroker as error:
            log.warning("queue_refused", key=key, error=repr(error))
            return False
        log.info("queue_made", key=key)
        return True

    def _refuse_for(self, seconds: float) -> None:
        """Fail what comes, so that no caller waits for a broker that is known to be away."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            try:
                _refuse(self._requests.get(timeout=min(left, _REFUSING_TURN_S)))
            except queue.Empty:
                continue

    def _refuse_waiting(self) -> None:
        """Fail what has come too late, at the end."""
        while not self._requests.empty():
            _refuse(self._requests.get_nowait())


def _refuse(request: _Request) -> None:
    if request.confirmed.set_running_or_notify_cancel():
        request.confirmed.set_exception(BrokerAway("the broker cannot be reached"))


def _publish_once(channel: BlockingChannel, request: _Request) -> None:
    properties = pika.BasicProperties(content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent)
    channel.basic_publish(request.exchange, request.key, request.body, properties, mandatory=True)
