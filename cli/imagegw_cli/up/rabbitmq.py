"""A private RabbitMQ: a node and an epmd of its own, loopback, a password, all in one directory."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from imagegw.amqp.connection import LOST, connect
from imagegw.errors import ServerMissing
from imagegw_cli.up.account import Account, make_private_directory, unprivileged, write_private_file
from imagegw_cli.up.ports import LOOPBACK, free_ports
from imagegw_cli.up.process import Program

USER = "imagegw"
NODE = "imagegw@localhost"  # part of the data's path: it never changes; an epmd of its own keeps it unique
_ACCOUNTS = ("imagegw", "rabbitmq", "nobody")
_PLACES = "/usr/lib/rabbitmq/bin"
"""Before PATH: in /usr/sbin Debian has a wrapper that takes no other user than root and rabbitmq."""
_PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
_START_METHOD = b"\x00\x0a\x00\x0a"  # AMQP 0-9-1, 1.4.2: connection (10), start (10)
_PROBE_TIMEOUT_S = 5.0
_WAL_BYTES = 64 * 2**20  # the default, 512 MiB, is meant for a machine that does nothing else


def find_rabbitmq(configured: Path | None = None) -> Path:
    """The server's start script: the one named, else Debian's, else the one in PATH.

    Raises:
        ServerMissing: it is not there, or Erlang's epmd is not.
    """
    found = shutil.which("rabbitmq-server", path=f"{_PLACES}:{os.environ.get('PATH', os.defpath)}")
    program = configured if configured is not None else None if found is None else Path(found)
    if program is None or not os.access(program, os.X_OK):
        raise ServerMissing("rabbitmq-server was not found; on Debian the package of that name has it")
    if shutil.which("epmd") is None:
        raise ServerMissing("Erlang's epmd was not found in PATH; rabbitmq-server needs it")
    return program


class RabbitMQ:
    """A RabbitMQ node whose data stand in ``directory``."""

    name = "rabbitmq"

    def __init__(self, *, program: Path, directory: Path, password: str, port: int | None = None) -> None:
        self._program = program
        self._directory = directory
        self._password = password
        self._port = port
        self._ports: tuple[int, int, int] | None = None

    @property
    def url(self) -> str:
        """How to connect to the default virtual host, with the password; after the first start."""
        return f"amqp://{USER}:{quote(self._password, safe='')}@{self.address}/%2F"

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._chosen_ports()[0]}"

    @property
    def environ(self) -> Mapping[str, str]:
        """What Erlang's and RabbitMQ's tools need to find this node and no other; after the first start."""
        _, distribution_port, epmd_port = self._chosen_ports()
        base = self._directory
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C.UTF-8",
            "HOME": str(base),  # holds the cookie
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_CRASH_DUMP_SECONDS": "0",  # a dump may be as large as the memory
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the node instead of waiting for it
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_DIST_PORT": str(distribution_port),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(base / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(base / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(base / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(base / "data"),
            "RABBITMQ_LOG_BASE": str(base),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_GENERATED_CONFIG_DIR": str(base / "generated"),
            "RABBITMQ_PID_FILE": str(base / "pid"),
            # Two schedulers: this is one machine's broker, and the machine may have a hundred cores.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def prepare(self) -> tuple[Program, ...]:
        account = unprivileged(_ACCOUNTS)
        make_private_directory(self._directory, account)
        port, distribution_port, epmd_port = free_ports(3)
        self._ports = (port if self._port is None else self._port, distribution_port, epmd_port)
        write_private_file(self._directory / "rabbitmq.conf", self._configuration(), account)
        write_private_file(self._directory / "enabled_plugins", "[].\n", account)
        cookie = self._directory / ".erlang.cookie"
        if not cookie.exists():
            write_private_file(cookie, secrets.token_hex(32), account)
        return (self._epmd(account), self._node(account))

    def is_ready(self) -> bool:
        """Whether it lets a client in; asked of the broker itself only once it greets, which it does last."""
        return self._greets() and self._lets_in()

    def _greets(self) -> bool:
        host, port = LOOPBACK, self._chosen_ports()[0]
        try:
            with socket.create_connection((host, port), timeout=_PROBE_TIMEOUT_S) as connection:
                connection.sendall(_PROTOCOL_HEADER)
                return connection.recv(64)[7:11] == _START_METHOD
        except OSError:
            return False

    def _lets_in(self) -> bool:
        try:
            connect(self.url, "imagegw up").close()
        except LOST:
            return False
        return True

    def _configuration(self) -> str:
        # The user is made with the data, at the first start, and then no guest is.
        lines = [
            f"listeners.tcp.1 = {self.address}",
            f"default_user = {USER}",
            f"default_pass = {self._password}",
            f"raft.wal_max_size_bytes = {_WAL_BYTES}",
        ]
        return "\n".join(lines) + "\n"

    def _epmd(self, account: Account | None) -> Program:
        """Erlang's name server, in the foreground: the node, which would start a daemon, finds it there."""
        epmd = shutil.which("epmd")
        if epmd is None:
            raise ServerMissing("Erlang's epmd was not found in PATH; rabbitmq-server needs it")
        argv = (str(Path(epmd).absolute()), "-address", LOOPBACK, "-port", str(self._chosen_ports()[2]))
        log = self._directory / "epmd.log"
        return Program(name="epmd", argv=argv, environ=self.environ, log=log, account=account)

    def _node(self, account: Account | None) -> Program:
        argv = (str(self._program.absolute()),)
        log = self._directory / "rabbitmq.log"
        return Program(name=self.name, argv=argv, environ=self.environ, log=log, account=account)

    def _chosen_ports(self) -> tuple[int, int, int]:
        if self._ports is None:
            raise RuntimeError("ports are chosen when the server is first started")
        return self._ports
