"""A scene on an empty virtual host, for every test of messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.messaging import Scene


@pytest.fixture
def scene(amqp_url: str) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(amqp_url, stack)
