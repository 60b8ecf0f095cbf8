"""A worker process that is told to end, killed, or stopped in the middle of a step; another one goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from imagegw.contracts.codec import encode
from imagegw.contracts.work import Work, WorkKind
from imagegw.domain.artifacts import Making, new
from imagegw.domain.records import Artifact, Source
from imagegw.domain.records import Work as WorkOfRecord
from imagegw.domain.status import ArtifactState
from imagegw.mongo.client import MongoDatabase, connect
from imagegw.mongo.clock import DatabaseClock
from imagegw.mongo.indexes import Kept
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.sweeping import sweep
from tests.servers.waiting import eventually
from tests.support.messaging import Scene

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
LONG_S = 600
"""A grace that no test waits for."""
END_S = 60


@dataclass(frozen=True, kw_only=True)
class Site:
    """One database, one virtual host, worker processes, and the directory by which a test speaks with steps."""

    desk: Desk
    environ: dict[str, str]
    directory: Path
    stack: ExitStack

    def worker(self, *faults: str, grace_s: int = LONG_S) -> subprocess.Popen[bytes]:
        site_file = self.directory / f"site-{grace_s}.json"
        site_file.write_text(json.dumps(configuration(self.directory, grace_s)))
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.gated_service", str(self.directory), *faults],
            cwd=ROOT,
            env={**os.environ, **self.environ, "GWCONFIG": str(site_file)},
        )
        self.stack.callback(process.wait, END_S)
        self.stack.callback(process.kill)
        return process

    def make_artifact(self) -> str:
        """A new artifact whose fetch is due and has been announced."""
        making = Making(
            key=uuid.uuid4().hex,
            source=Source(location="", repository="library/app"),
            manifest_digest="sha256:m",
            format="squashfs",
            options={},
        )
        assert self.desk.insert(new(making, self.desk.now(), needed=True))
        return making.key

    def wait_until_begun(self, key: str, process: subprocess.Popen[bytes]) -> None:
        eventually((self.directory / f"{key}.{process.pid}").exists)

    def open_gate(self) -> None:
        (self.directory / "open").touch()

    def artifact(self, key: str) -> Artifact:
        found = self.desk.read(Artifact, key)
        assert found is not None
        return found

    def work(self, key: str) -> WorkOfRecord:
        found = self.artifact(key).work
        assert found is not None
        return found

    def wait_until_fetched(self, key: str) -> None:
        eventually(lambda: self.artifact(key).state is ArtifactState.CONVERT)

    def let_claim_grow_old(self, client: MongoClient[dict[str, Any]], key: str) -> None:
        """As if its holder had not renewed it for 30 s, then the keeper's look."""
        past = self.desk.now() - timedelta(seconds=1)
        client[self.environ["TEST_DATABASE"]].artifacts.update_one({"_id": key}, {"$set": {"work.wake": past}})
        sweep(self.desk, timedelta(days=1), frees_claims=True)


def configuration(directory: Path, grace_s: int) -> dict[str, object]:
    """The smallest site."""
    return {
        "DefaultImageLocation": "",
        "CacheDirectory": str(directory),
        "ExpandDirectory": str(directory),
        "Locations": {"": {"remotetype": "dockerv2", "authentication": "http"}},
        "Platforms": {"alpha": {"accesstype": "local", "admins": ["root"], "local": {"imageDir": str(directory)}}},
        "Database": directory.name,
        "StopGrace": grace_s,
    }


@pytest.fixture
def client(mongo_uri: str) -> Iterator[MongoClient[dict[str, Any]]]:
    with connect(mongo_uri, "test") as client:
        yield client


@pytest.fixture
def site(
    client: MongoClient[dict[str, Any]], mongo_uri: str, mongo_database_name: str, scene: Scene, tmp_path: Path
) -> Iterator[Site]:
    directory = tmp_path / mongo_database_name
    directory.mkdir()
    database = MongoDatabase(client, mongo_database_name)
    database.make_indexes({kind: timedelta(days=1) for kind in Kept})
    publisher = scene.publisher()
    desk = Desk(
        database=database,
        now=DatabaseClock(client),
        new_id=lambda: uuid.uuid4().hex,
        host="test",
        announce=lambda key, kind, identity: publisher.publish(key, encode(Work(kind=WorkKind(kind), id=identity))),
    )
    environ = {
        "IMAGEGW_MONGODB_URI": mongo_uri,
        "IMAGEGW_AMQP_URL": scene.url,
        "TEST_DATABASE": mongo_database_name,
    }
    with ExitStack() as stack:
        yield Site(desk=desk, environ=environ, directory=directory, stack=stack)


def test_an_idle_worker_ends_at_once_when_it_is_told_to(site: Site) -> None:
    worker = site.worker()
    key = site.make_artifact()
    site.open_gate()
    site.wait_until_fetched(key)
    worker.terminate()
    assert worker.wait(END_S) == 0


def test_a_step_is_finished_within_the_grace_and_nothing_new_is_begun(site: Site) -> None:
    worker = site.worker()
    first = site.make_artifact()
    site.wait_until_begun(first, worker)
    worker.terminate()
    second = site.make_artifact()
    site.open_gate()
    assert worker.wait(END_S) == 0
    assert site.artifact(first).state is ArtifactState.CONVERT
    assert site.work(second).claim is None
    site.worker()
    site.wait_until_fetched(second)


def test_a_step_that_outlasts_the_grace_is_handed_back_and_another_process_takes_it(site: Site) -> None:
    worker = site.worker(grace_s=0)
    key = site.make_artifact()
    site.wait_until_begun(key, worker)
    worker.terminate()
    assert worker.wait(END_S) == 0
    assert (site.work(key).claim, site.work(key).crashes) == (None, 0)
    site.open_gate()
    site.worker()
    site.wait_until_fetched(key)  # without a sweep: handing back says so on the queue


def test_the_claim_of_a_killed_worker_is_freed_when_it_is_old_and_another_process_takes_it(
    site: Site, client: MongoClient[dict[str, Any]]
) -> None:
    worker = site.worker()
    key = site.make_artifact()
    site.wait_until_begun(key, worker)
    worker.kill()
    worker.wait(END_S)
    sweep(site.desk, timedelta(days=1), frees_claims=True)
    assert site.work(key).claim is not None

    site.let_claim_grow_old(client, key)

    assert (site.work(key).claim, site.work(key).crashes) == (None, 1)
    site.open_gate()
    site.worker()
    site.wait_until_fetched(key)


def test_a_worker_that_was_paused_and_comes_back_touches_nothing(
    site: Site, client: MongoClient[dict[str, Any]]
) -> None:
    paused = site.worker()
    key = site.make_artifact()
    site.wait_until_begun(key, paused)
    paused.send_signal(signal.SIGSTOP)
    site.let_claim_grow_old(client, key)
    other = site.worker()
    site.wait_until_begun(key, other)
    claim = site.work(key).claim

    paused.send_signal(signal.SIGCONT)
    paused.terminate()

    assert paused.wait(END_S) == 0
    assert site.work(key).claim == claim
    site.open_gate()
    site.wait_until_fetched(key)


def test_a_worker_whose_consuming_thread_has_died_ends_with_an_error(site: Site) -> None:
    assert site.worker("consumer").wait(END_S) == 1
