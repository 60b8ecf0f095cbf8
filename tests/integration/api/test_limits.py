"""Clients that send too much, too slowly, or what is no HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from imagegw_api import protocol
from imagegw_api.app import BODY_BYTES
from tests.integration.api.application import Served, token
from tests.integration.api.world import only_pull

pytestmark = pytest.mark.integration

LINE = 16 * 1024


@contextmanager
def connected(served: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        yield connection


def answer_to(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def request(method: str, path: str, *headers: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token('alice')}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a test can wait for."""
    monkeypatch.setattr(protocol, "HEADER_S", 0.2)
    monkeypatch.setattr(protocol, "BODY_S", 0.2)


def test_a_credential_of_sixteen_kilobytes_is_taken(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(request("GET", "/api/list/one/", f"authentication: {'x' * LINE}", "Connection: close"))
        assert answer_to(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "header",
    [b"X: " + b"x" * protocol.HEADER_BYTES, b"X: y\r\n" * (protocol.HEADER_BYTES // 6) + b"\r\n"],
    ids=["a line that does not end", "many lines"],
)
def test_a_header_without_measure_is_refused(served: Served, header: bytes) -> None:
    with connected(served) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + header)
        assert answer_to(connection).startswith(b"HTTP/1.1 431 ")


@pytest.mark.usefixtures("hasty")
def test_a_silent_connection_is_ended(served: Served) -> None:
    with connected(served) as connection:
        assert answer_to(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("hasty")
def test_a_header_that_does_not_end_is_given_up(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        assert answer_to(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("hasty")
def test_a_body_that_does_not_come_is_given_up(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(request("POST", "/api/pull/one/docker/ubuntu/", "Content-Length: 10") + b"{")
        assert answer_to(connection).startswith(b"HTTP/1.1 408 ")
    assert served.desk.database.pulls.count({}) == 0


@pytest.mark.usefixtures("hasty")
def test_an_answer_that_takes_longer_than_a_request_may_is_given(served: Served) -> None:
    served.post("/api/v1/pulls", json={"platform": "one", "reference": "ubuntu"})
    path = f"/api/v1/pulls/{only_pull(served.desk).id}?wait=0.6"
    with connected(served) as connection:
        connection.sendall(request("GET", path, "Connection: close"))
        assert answer_to(connection).startswith(b"HTTP/1.1 200 ")


def test_a_connection_serves_more_than_one_request(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(request("GET", "/healthz") + request("GET", "/healthz", "Connection: close"))
        assert answer_to(connection).count(b"HTTP/1.1 200 ") == 2


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\x00" * 100 + b"\r\n\r\n"])
def test_what_is_no_http_is_refused(served: Served, garbage: bytes) -> None:
    with connected(served) as connection:
        connection.sendall(garbage)
        assert answer_to(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", ["/api/pull/one/docker/ubuntu/", "/api/v1/pulls"])
def test_a_body_without_measure_is_refused(served: Served, path: str) -> None:
    response = served.post(path, data=b" " * (BODY_BYTES + 1), headers={"Content-Type": "application/json"})

    assert response.status_code == 413
    assert served.desk.database.pulls.count({}) == 0


def test_a_chunked_body_without_measure_is_refused(served: Served) -> None:
    chunks = (b" " * 1024 for _ in range(BODY_BYTES // 1024 + 1))

    assert served.post("/api/pull/one/docker/ubuntu/", data=chunks).status_code == 413
