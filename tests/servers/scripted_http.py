"""An HTTP peer on a socket that does what a script says: answers, lies, trickles, cuts, falls silent.

Each request is handed to the script, which writes raw bytes; every connection serves one request.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_LONGEST_HEAD = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the client has sent; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


class Exchange:
    """One request and the means to answer it."""

    def __init__(self, connection: socket.socket, request: Request, stopping: threading.Event) -> None:
        self.request = request
        self.stopping = stopping
        self._connection = connection

    def send(self, raw: bytes) -> None:
        """These bytes, as they are."""
        rest = memoryview(raw)
        while rest and not self.stopping.is_set():
            with suppress(TimeoutError):
                rest = rest[self._connection.send(rest) :]

    def head(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """The status line and the header."""
        lines = [f"HTTP/1.1 {status} Because", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n")

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """A proper answer; one to HEAD says how long the body would be."""
        self.head(status, {"Content-Length": str(len(body))} | dict(headers or {}))
        if self.request.method != "HEAD":
            self.send(body)

    def cut(self) -> None:
        """The connection breaks now: the client sees a reset."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def hold(self) -> None:
        """Silence, until the client goes or the test ends."""
        while not self.stopping.is_set():
            try:
                if not self._connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return


Script = Callable[[Exchange], None]


@dataclass(kw_only=True)
class ScriptedPeer:
    """One that listens."""

    url: str
    script: Script
    requests: list[Request] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Host and port."""
        return self.url.partition("://")[2]

    def targets(self, method: str = "GET") -> list[str]:
        """What was asked for, in order."""
        return [request.target for request in self.requests if request.method == method]


@contextmanager
def scripted_http(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedPeer]:
    """A peer that follows *script* on a free port of the loopback, until the context ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()
    scheme = "http" if tls is None else "https"
    peer = ScriptedPeer(url=f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", script=script)
    workers: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            worker = threading.Thread(target=_serve, args=(connection, peer, stopping, tls))
            worker.start()
            workers.append(worker)

    accepter = threading.Thread(target=accept)
    accepter.start()
    try:
        yield peer
    finally:
        stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepter.join()
        for worker in workers:
            worker.join()


def _serve(
    connection: socket.socket, peer: ScriptedPeer, stopping: threading.Event, tls: ssl.SSLContext | None
) -> None:
    connection.settimeout(0.1)
    with suppress(OSError):
        if tls is not None:
            connection.settimeout(5)
            connection = tls.wrap_socket(connection, server_side=True)
            connection.settimeout(0.1)
        request = _read_request(connection, stopping)
        if request is not None:
            peer.requests.append(request)
            peer.script(Exchange(connection, request, stopping))
    connection.close()


def _read_request(connection: socket.socket, stopping: threading.Event) -> Request | None:
    raw = b""
    while b"\r\n\r\n" not in raw and len(raw) < _LONGEST_HEAD:
        piece = _receive(connection, stopping)
        if not piece:
            return None
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += _receive(connection, stopping)
    return Request(method=method, target=target, headers=headers, body=body)


def _receive(connection: socket.socket, stopping: threading.Event) -> bytes:
    while not stopping.is_set():
        try:
            return connection.recv(_LONGEST_HEAD)
        except TimeoutError:
            continue
    return b""
