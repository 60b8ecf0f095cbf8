"""One application for all tests of the HTTP endpoint; each finds it and its database as new."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pymongo
import pytest
from cryptography.fernet import Fernet

from imagegw.mongo.indexes import INDEXES
from tests.integration.api.application import Served, running, site
from tests.servers.handles import Database


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "keys"
    path.write_bytes(Fernet.generate_key() + b"\n")
    return path


@pytest.fixture(scope="session")
def shared_application(shared_mongod: Database, keys_file: Path) -> Iterator[Served]:
    """The application at a site that changes no default."""
    name = f"test-{uuid.uuid4().hex}"
    uri = shared_mongod.uri
    with running(site(uri, name, keys_file), uri) as application:
        yield application
    with pymongo.MongoClient[dict[str, object]](uri) as client:
        client.drop_database(name)


@pytest.fixture
def served(shared_application: Served) -> Served:
    """The application, with nothing in its database."""
    for name in INDEXES:
        getattr(shared_application.desk.database, name).delete({})
    shared_application.announced.clear()
    return shared_application
