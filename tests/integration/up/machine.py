"""A running `imagegw up` and what it leaves on the machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagegw.errors import ServerMissing
from imagegw_cli.up.mongod import find_mongod
from imagegw_cli.up.ports import free_ports
from imagegw_cli.up.rabbitmq import find_rabbitmq
from tests.servers.choice import lacking, own_directory
from tests.servers.waiting import eventually

SAMPLE = Path(__file__).parents[2] / "data" / "local.json"
RUNNING = "The gateway runs"


def configuration(directory: Path) -> Path:
    """The sample of a site, with its directories under ``directory``."""
    wanted = json.loads(SAMPLE.read_text())
    wanted |= {
        "CacheDirectory": f"{directory}/cache",
        "ExpandDirectory": f"{directory}/expand",
        "Listen": {"port": free_ports(1)[0]},
    }
    file = directory / "imagemanager.json"
    file.write_text(json.dumps(wanted))
    return file


class Machine:
    """`imagegw up` on a data directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self._output = directory / "output"
        self._config = configuration(directory)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        return self._process.wait(120)

    @property
    def argv(self) -> list[str]:
        options = ["--config", str(self._config), "--data", str(self.data)]
        return [sys.executable, "-m", "imagegw_cli", "up", *options]

    def address_of(self, server: str) -> str:
        """Host and port, as it prints them."""
        return next(line.split()[1] for line in self.output.splitlines() if line.startswith(f"{server} "))

    def begin(self) -> None:
        """Start it, and come back at once."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(self.argv, stdout=output, stderr=subprocess.STDOUT)

    def start(self) -> None:
        self.begin()
        eventually(lambda: RUNNING in self.output, 120)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def running(self, part: str = "") -> dict[int, str]:
        """Command lines that hold ``part``, by pid, of processes that belong to this directory.

        Each of them names it in its arguments or its environment.
        """
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                line = _command_line(entry, str(self.directory))
                if line is not None and part in line:
                    found[int(entry.name)] = line
        return found

    def end(self) -> None:
        """Leave nothing of it, however the test went."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _command_line(entry: Path, mark: str) -> str | None:
    try:
        line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        environ = (entry / "environ").read_bytes().decode(errors="replace")
    except OSError:  # it has ended, or is another user's
        return None
    return line if mark in line or mark in environ else None


@contextmanager
def own_machine() -> Iterator[Machine]:
    """A machine that is not started yet."""
    try:
        find_mongod()
        find_rabbitmq()
    except ServerMissing as error:
        lacking(error.sentence)
    with own_directory() as directory:
        machine = Machine(directory)
        try:
            yield machine
        finally:
            machine.end()
            eventually(lambda: not machine.running(), 30)
