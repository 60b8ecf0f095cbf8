"""However `imagegw up` ends, it leaves its data and nothing else."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest
from pymongo import MongoClient, WriteConcern

from tests.integration.up.machine import Machine, own_machine
from tests.servers.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def machine() -> Iterator[Machine]:
    with own_machine() as machine:
        yield machine


def client_of(machine: Machine) -> MongoClient[dict[str, object]]:
    password = json.loads((machine.data / "passwords.json").read_text())["mongod"]
    address = machine.address_of("mongod")
    return MongoClient(f"mongodb://{address}/", username="imagegw", password=password, directConnection=True)


def test_a_signal_ends_it_and_all_that_it_started(machine: Machine) -> None:
    machine.start()
    machine.send(signal.SIGINT)
    assert machine.wait() == 0
    assert machine.running() == {}


def test_a_signal_during_the_start_ends_it_too(machine: Machine) -> None:
    machine.begin()
    eventually(lambda: machine.running("bin/mongod"))
    machine.send(signal.SIGTERM)
    assert machine.wait() == 0
    assert machine.running() == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_only_its_data_stay_and_the_next_start_finds_them(machine: Machine, number: signal.Signals) -> None:
    machine.start()
    assert machine.running("beam.smp")
    with client_of(machine) as client:
        things = client.imagegw.get_collection("things", write_concern=WriteConcern(w="majority", j=True))
        things.insert_one({"_id": "kept"})

    machine.send(number)
    machine.wait()
    eventually(lambda: machine.running() == {}, 30)

    machine.start()
    with client_of(machine) as client:
        assert client.imagegw.things.find_one() == {"_id": "kept"}
