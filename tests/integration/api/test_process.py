"""The service as it is started: processes, broker, keeper, signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pika
import pytest
import requests

from imagegw.amqp.topology import queue_name
from imagegw.contracts.codec import decode
from imagegw.contracts.work import Work, WorkKind
from tests.integration.api.application import site_document, token
from tests.servers.waiting import eventually

pytestmark = pytest.mark.integration


UBUNTU = {"platform": "one", "reference": "ubuntu:24.04"}


@contextmanager
def service(directory: Path, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The api service on a port of its own, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    document = site_document(Database=environment["DATABASE"], Listen={"port": port}, StopGrace=1)
    (directory / "site.json").write_text(json.dumps(document))
    process = subprocess.Popen(
        [sys.executable, "-m", "imagegw_api"],
        env={**os.environ, **environment, "GWCONFIG": str(directory / "site.json")},
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def environment(mongo_uri: str, mongo_database_name: str, amqp_url: str) -> dict[str, str]:
    return {
        "IMAGEGW_MONGODB_URI": mongo_uri,
        "IMAGEGW_AMQP_URL": amqp_url,
        "DATABASE": mongo_database_name,
        "WORKERS": "2",
    }


def test_a_pull_goes_to_the_broker_and_the_service_ends_when_it_is_told_to(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with service(tmp_path, environment) as (process, url):
        eventually(lambda: is_ready(url))
        headers = {"Authorization": f"Bearer {token('alice')}"}
        answer = requests.post(f"{url}/api/v1/pulls", json=UBUNTU, headers=headers, timeout=30)
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)

    assert (answer.status_code, status) == (202, 0)
    assert announced(environment["IMAGEGW_AMQP_URL"]) == Work(kind=WorkKind.PULL, id=answer.json()["id"])
    assert not is_ready(url)


def test_killed_it_leaves_nothing_that_holds_its_port(tmp_path: Path, environment: dict[str, str]) -> None:
    with service(tmp_path, environment) as (process, url):
        eventually(lambda: is_ready(url))
        process.kill()
        process.wait()

        eventually(lambda: not is_ready(url))


def announced(amqp_url: str) -> object:
    """The oldest message for the pullers."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        _, _, body = connection.channel().basic_get(queue_name("resolve"), auto_ack=True)
    finally:
        connection.close()
    return None if body is None else decode(body)
