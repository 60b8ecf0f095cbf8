"""The gateway on one machine: from the configuration to running processes, and back to none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imagegw.config import Settings, load
from imagegw_cli.up import adoption, data, services
from imagegw_cli.up.mongod import Mongod, find_mongod
from imagegw_cli.up.process import Process
from imagegw_cli.up.rabbitmq import RabbitMQ, find_rabbitmq
from imagegw_cli.up.server import PrivateServer
from imagegw_cli.up.supervisor import StopRequested, Tell, end_together, keep_running, pause, signals_held


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The private servers, none where the configuration names another."""

    mongod: Mongod | None
    rabbitmq: RabbitMQ | None

    @property
    def kinds(self) -> tuple[Mongod | RabbitMQ, ...]:
        return tuple(kind for kind in (self.mongod, self.rabbitmq) if kind is not None)

    def addresses(self) -> dict[str, str]:
        """The variables that tell a service where they are."""
        found = {}
        if self.mongod is not None:
            found["IMAGEGW_MONGODB_URI"] = self.mongod.uri
        if self.rabbitmq is not None:
            found["IMAGEGW_AMQP_URL"] = self.rabbitmq.url
        return found


def run(config_file: Path, directory: Path, environ: Mapping[str, str], tell: Tell) -> None:
    """Run everything until a signal asks to stop.

    Raises:
        ConfigurationInvalid: names every wrong value.
        DirectoryInUse: another one runs on ``directory``.
        ServerMissing: a server that should be started is not installed.
        ServerNotStarted: it ended or did not answer; its last words are in the message.
    """
    settings = load(config_file, environ)
    with data.hold(directory), signals_held():
        adoption.adopt_orphans()
        running: list[PrivateServer] = []
        service_processes: list[Process] = []
        try:
            servers = _choose_servers(settings, directory)
            _start_servers(servers, running, tell)
            where = {**environ, "GWCONFIG": str(config_file), **servers.addresses()}
            _start_services(settings, directory, where, service_processes)
            _tell_where(settings, servers, directory, tell)
            keep_running([*_processes(running), *service_processes], tell)
        except StopRequested:
            tell("stopped before everything had started")
        finally:
            _end(running, service_processes, tell)


def _choose_servers(settings: Settings, directory: Path) -> Servers:
    passwords = data.passwords(directory)
    mongod = rabbitmq = None
    if settings.mongodb_uri is None:
        mongod = Mongod(program=find_mongod(), directory=directory / "mongod", password=passwords.mongod)
    if settings.amqp_url is None:
        rabbitmq = RabbitMQ(program=find_rabbitmq(), directory=directory / "rabbitmq", password=passwords.rabbitmq)
    return Servers(mongod=mongod, rabbitmq=rabbitmq)


def _start_servers(servers: Servers, running: list[PrivateServer], tell: Tell) -> None:
    for kind in servers.kinds:
        tell(f"starting {kind.name} ...")
        server = PrivateServer(kind, pause=pause)
        running.append(server)
        server.start()


def _start_services(
    settings: Settings, directory: Path, environ: Mapping[str, str], started: list[Process]
) -> None:
    grace_s = settings.stop_grace.total_seconds()
    for program in services.programs(environ, logs=directory / "logs", stop_grace_s=grace_s):
        process = Process(program)
        started.append(process)
        process.start()


def _tell_where(settings: Settings, servers: Servers, directory: Path, tell: Tell) -> None:
    mongod = "as configured" if servers.mongod is None else servers.mongod.address
    rabbitmq = "as configured" if servers.rabbitmq is None else servers.rabbitmq.address
    tell(f"endpoint   http://{settings.listen.host}:{settings.listen.port}")
    tell(f"mongod     {mongod}")
    tell(f"rabbitmq   {rabbitmq}")
    tell(f"data       {directory} (passwords of the private servers: passwords.json)")
    tell(f"logs       {directory / 'logs'}")
    tell("The gateway runs; Ctrl-C ends it.")


def _processes(running: list[PrivateServer]) -> list[Process]:
    return [process for server in running for process in server.processes]


def _end(running: list[PrivateServer], service_processes: list[Process], tell: Tell) -> None:
    """Services first, since they hand back their work; then the servers, the last started first."""
    tell("stopping ...")
    end_together(service_processes)
    for server in reversed(running):
        for process in reversed(server.processes):
            end_together([process])
    adoption.end_all()
    tell("stopped")
