"""A private RabbitMQ node that a test may kill and start again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event

SERVER = shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin")
CTL = shutil.which("rabbitmqctl", path="/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin")


def eventually(is_true: Callable[[], bool], within_s: float = 60) -> None:
    """Poll until true; fail when it does not become so."""
    pause = Event()
    for _ in range(int(within_s / 0.05)):
        if is_true():
            return
        pause.wait(0.05)
    raise AssertionError("it did not happen")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Broker:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port, self.dist_port, self.epmd_port = free_port(), free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/%2f"
        (directory / "plugins").write_text("[].")
        (directory / "home").mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory / "home"),
            "RABBITMQ_NODENAME": f"imagegw-{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_MNESIA_BASE": str(directory),
            "RABBITMQ_LOG_BASE": str(directory),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.directory / "out").open("ab") as out:
            self.process = subprocess.Popen(
                [str(SERVER)], env=self.env, stdout=out, stderr=out, start_new_session=True
            )
        eventually(self.accepts, 90)
        self.ctl("await_startup")

    def accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def ctl(self, *command: str) -> str:
        return subprocess.run(
            [str(CTL), "-q", *command], env=self.env, check=True, capture_output=True, text=True, timeout=60
        ).stdout
