"""While the database is away."""

from __future__ import annotations

import pytest
import requests

from tests.integration.api.application import Served
from tests.integration.api.wire_client import WireClient
from tests.integration.api.world import only_pull, succeed
from tests.servers.handles import Database
from tests.servers.waiting import eventually

pytestmark = pytest.mark.integration


def test_a_waiting_client_outlives_a_killed_database(served: Served, mongod: Database) -> None:
    client = WireClient(served=served)
    client.poll()
    mongod.kill()
    assert client.poll()  # anything but 200 would end it as if all were well
    mongod.start()
    eventually(lambda: served.desk.database.pulls.count({"live": True}) == 1)
    succeed(served.desk, only_pull(served.desk))

    assert client.run(lambda: None) == "READY"
    assert client.words[:2] == ["PENDING", "MISSING"]


def test_others_are_told_that_it_is_away(served: Served, mongod: Database) -> None:
    mongod.kill()

    answers = {
        path: served.get(path)
        for path in ("/healthz", "/readyz", "/api/lookup/one/docker/a/", "/api/v1/images?platform=one")
    }

    assert {path: answer.status_code for path, answer in answers.items()} == {
        "/healthz": requests.codes.ok,
        "/readyz": requests.codes.unavailable,
        "/api/lookup/one/docker/a/": requests.codes.unavailable,
        "/api/v1/images?platform=one": requests.codes.unavailable,
    }
    assert answers["/readyz"].json()["database"] != "ok"
    assert answers["/api/v1/images?platform=one"].json()["code"] == "database_away"
