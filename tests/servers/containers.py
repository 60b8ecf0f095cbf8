"""Servers in containers, for a machine with Docker: the versions that sites run."""

from __future__ import annotations

import pika
from pika.exceptions import AMQPError
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from testcontainers.community.mongodb import MongoDbContainer
from testcontainers.community.rabbitmq import RabbitMqContainer
from testcontainers.core.container import DockerContainer

from imagegw_cli.up.ports import free_ports
from tests.servers.waiting import eventually

MONGO_IMAGE = "mongo:7.0"
RABBITMQ_IMAGE = "rabbitmq:4.1"


class _Restartable:
    """A container that is killed and started again at the same port."""

    def __init__(self, container: DockerContainer) -> None:
        self._container = container
        self._is_made = False

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def remove(self) -> None:
        """Take it away with its data."""
        if self._is_made:
            self._container.stop(delete_volume=True)

    def _bring_up(self) -> None:
        if not self._is_made:
            self._is_made = True
            self._container.start()
            return
        self._container.get_wrapped_container().start()  # nothing, if it runs


class ContainedDatabase(_Restartable):
    """A mongod, standalone."""

    def __init__(self) -> None:
        self._mongo = MongoDbContainer(MONGO_IMAGE, username="imagegw", password="tests")
        self._mongo.with_bind_ports(27017, free_ports(1)[0])  # Docker would choose another after a kill
        super().__init__(self._mongo)

    @property
    def uri(self) -> str:
        return f"{self._mongo.get_connection_url()}/?authSource=admin&directConnection=true"

    def start(self) -> None:
        self._bring_up()
        eventually(self._answers, 120)

    def _answers(self) -> bool:
        try:
            with MongoClient[dict[str, object]](self.uri, serverSelectionTimeoutMS=1000) as client:
                client.admin.command("ping")
        except PyMongoError:
            return False
        return True


class ContainedBroker(_Restartable):
    """A RabbitMQ node."""

    def __init__(self) -> None:
        self._rabbit = RabbitMqContainer(RABBITMQ_IMAGE, username="imagegw", password="tests")
        self._rabbit.with_bind_ports(5672, free_ports(1)[0])  # Docker would choose another after a kill
        super().__init__(self._rabbit)

    def start(self) -> None:
        self._bring_up()
        eventually(self._answers, 120)

    def add_vhost(self, name: str) -> str:
        self._control("add_vhost", name)
        self._control("set_permissions", "-p", name, "imagegw", ".*", ".*", ".*")
        return self._url(name)

    def delete_vhost(self, name: str) -> None:
        self._control("delete_vhost", name)

    def close_connections(self) -> None:
        self._control("close_all_connections", "a test cuts them")

    def _answers(self) -> bool:
        try:
            pika.BlockingConnection(pika.URLParameters(self._url("%2F"))).close()
        except (AMQPError, OSError):
            return False
        return True

    def _url(self, vhost: str) -> str:
        host, port = self._rabbit.get_container_host_ip(), self._rabbit.get_exposed_port(5672)
        return f"amqp://imagegw:tests@{host}:{port}/{vhost}"

    def evaluate(self, expressions: str) -> str:
        return self._control("eval", f"{expressions}.").strip()

    def _control(self, *command: str) -> str:
        done = self._rabbit.exec(["rabbitmqctl", "-q", *command])
        assert done.exit_code == 0, f"rabbitmqctl {command[0]}: {done.output!r}"
        output: bytes = done.output
        return output.decode()
