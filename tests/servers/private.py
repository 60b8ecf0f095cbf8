"""The private servers of `imagegw up`, for a machine without Docker."""

from __future__ import annotations

import subprocess
from pathlib import Path

from imagegw_cli.up.mongod import Mongod, find_mongod
from imagegw_cli.up.rabbitmq import NODE, USER, RabbitMQ, find_rabbitmq
from imagegw_cli.up.server import PrivateServer


class PrivateDatabase:
    """A mongod of our own."""

    def __init__(self, directory: Path) -> None:
        self._kind = Mongod(program=find_mongod(), directory=directory, password="of:the/tests")
        self._server = PrivateServer(self._kind)

    @property
    def uri(self) -> str:
        return self._kind.uri

    def start(self) -> None:
        self._server.start()

    def kill(self) -> None:
        self._server.kill()


class PrivateBroker:
    """A RabbitMQ node of our own, told what to do by `erl_call` in milliseconds; rabbitmqctl takes 2 s."""

    def __init__(self, directory: Path) -> None:
        self._kind = RabbitMQ(program=find_rabbitmq(), directory=directory, password="of the tests")
        self._server = PrivateServer(self._kind)

    def start(self) -> None:
        self._server.start()

    def kill(self) -> None:
        # RabbitMQ 3.10 writes a new quorum queue's name to disk half a second late at best, and without it
        # the queue is broken for good (tried): that is not the outage that tests of ours are about.
        self.evaluate("[dets:sync(Table) || Table <- dets:all()]")
        self._server.kill()

    def end(self) -> None:
        """End it for good."""
        self._server.kill()

    def add_vhost(self, name: str) -> str:
        self.evaluate(
            f'rabbit_vhost:add(<<"{name}">>, <<"{USER}">>), rabbit_auth_backend_internal:set_permissions('
            f'<<"{USER}">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"{USER}">>)'
        )
        return self._kind.url.removesuffix("%2F") + name

    def delete_vhost(self, name: str) -> None:
        self.evaluate(f'rabbit_vhost:delete(<<"{name}">>, <<"{USER}">>)')

    def close_connections(self) -> None:
        self.evaluate('rabbit_networking:close_all_connections("a test cuts them")')

    def evaluate(self, expressions: str) -> str:
        done = subprocess.run(
            ["erl_call", "-n", NODE, "-e"],
            env=dict(self._kind.environ),
            input=f"{expressions}.\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{expressions}: {done.stdout}{done.stderr}"
        assert done.stdout.startswith("{ok, "), f"{expressions}: {done.stdout}"
        return done.stdout.removeprefix("{ok, ").removesuffix("}")
