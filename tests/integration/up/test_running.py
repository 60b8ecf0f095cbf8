"""What `imagegw up` does while it runs."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from pika.exceptions import AMQPError, ProbableAuthenticationError
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tests.integration.up.machine import Machine, own_machine
from tests.servers.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with own_machine() as machine:
        machine.start()
        yield machine


def passwords_of(machine: Machine) -> dict[str, str]:
    kept: dict[str, str] = json.loads((machine.data / "passwords.json").read_text())
    return kept


def broker_url(machine: Machine) -> str:
    return f"amqp://imagegw:{passwords_of(machine)['rabbitmq']}@{machine.address_of('rabbitmq')}/%2F"


def owners_of(machine: Machine, server: str) -> set[str]:
    return {pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name for pid in machine.running(server)}


def test_the_passwords_are_readable_by_their_owner_alone(machine: Machine) -> None:
    assert (machine.data / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_no_password_stands_in_an_argument(machine: Machine) -> None:
    lines = "\n".join(machine.running().values())
    assert "mongod" in lines
    assert not [name for name, password in passwords_of(machine).items() if password in lines]


def test_the_database_refuses_whom_it_does_not_know(machine: Machine) -> None:
    with (
        MongoClient[dict[str, object]](f"mongodb://{machine.address_of('mongod')}/") as client,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        client.imagegw.pulls.find_one()


def test_the_broker_has_no_guest(machine: Machine) -> None:
    guest = f"amqp://guest:guest@{machine.address_of('rabbitmq')}/%2F"
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(guest))


def test_a_second_one_on_the_same_data_is_refused(machine: Machine) -> None:
    second = subprocess.run(machine.argv, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert f"another `imagegw up` runs on {machine.data}" in second.stderr


def test_another_broker_runs_beside_it(machine: Machine, amqp_url: str) -> None:
    for url in (broker_url(machine), amqp_url):
        pika.BlockingConnection(pika.URLParameters(url)).close()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a privilege to give up")
@pytest.mark.parametrize("server", ["bin/mongod", "beam.smp", "epmd"])
def test_servers_do_not_run_as_root(machine: Machine, server: str) -> None:
    eventually(lambda: owners_of(machine, server) - {"root"})  # another test may just have killed it
    assert "root" not in owners_of(machine, server)


@pytest.mark.parametrize(("name", "part"), [("mongod", "bin/mongod"), ("puller", "imagegw_cli puller")])
def test_what_dies_is_started_again(machine: Machine, name: str, part: str) -> None:
    before = machine.output.count(f"{name} started again")
    kill_one(machine, part)
    eventually(lambda: machine.output.count(f"{name} started again") > before)


def test_a_killed_broker_is_back_at_the_same_address(machine: Machine) -> None:
    kill_one(machine, "beam.smp")

    def connects() -> bool:  # also what the next test counts on
        try:
            pika.BlockingConnection(pika.URLParameters(broker_url(machine))).close()
        except (AMQPError, OSError):
            return False
        return True

    eventually(connects)


def kill_one(machine: Machine, part: str) -> None:
    pid = min(eventually(lambda: machine.running(part)))
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: pid not in machine.running(part))
