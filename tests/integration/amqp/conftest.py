"""One private broker for these tests, started again for whoever needs it after a kill."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broker import SERVER, Broker


@pytest.fixture(scope="session")
def private_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if SERVER is None:
        if os.environ.get("CI"):
            pytest.fail("rabbitmq-server is missing")
        pytest.skip("rabbitmq-server is missing")
    broker = Broker(tmp_path_factory.mktemp("rabbit"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def broker(private_broker: Broker) -> Broker:
    if private_broker.process is None:
        private_broker.start()
    return private_broker
