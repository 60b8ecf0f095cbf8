"""Which servers this machine can give: containers, private ones, or none."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from imagegw.errors import ServerMissing
from tests.servers.handles import Broker, Database
from tests.servers.private import PrivateBroker, PrivateDatabase


def lacking(reason: str) -> NoReturn:
    """Skip the test on a laptop; fail it where CI promises every server."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def own_directory() -> Iterator[Path]:
    """A directory that servers of other users may reach, unlike pytest's own; gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="imagegw-tests-"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def database() -> Iterator[Database]:
    """A running mongod."""
    if _docker_answers():
        from tests.servers.containers import ContainedDatabase  # noqa: PLC0415 - imports all of Docker's client

        contained = ContainedDatabase()
        try:
            contained.start()
            yield contained
        finally:
            contained.remove()
        return
    with own_directory() as directory:
        try:
            private = PrivateDatabase(directory / "mongod")
        except ServerMissing as error:
            lacking(error.sentence)
        try:
            private.start()
            yield private
        finally:
            private.kill()


@contextmanager
def broker() -> Iterator[Broker]:
    """A running RabbitMQ node."""
    if _docker_answers():
        from tests.servers.containers import ContainedBroker  # noqa: PLC0415 - imports all of Docker's client

        contained = ContainedBroker()
        try:
            contained.start()
            yield contained
        finally:
            contained.remove()
        return
    with own_directory() as directory:
        try:
            private = PrivateBroker(directory / "rabbitmq")
        except ServerMissing as error:
            lacking(error.sentence)
        try:
            private.start()
            yield private
        finally:
            private.end()


@functools.cache
def _docker_answers() -> bool:
    """Whether an engine can be reached; asked by its command, whose Python client leaks a socket if not."""
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "version"], capture_output=True, timeout=60, check=False)
    return asked.returncode == 0
