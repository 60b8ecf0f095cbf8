"""A running application: where it is, what it stands on, what it announced."""

from __future__ import annotations

import hashlib
import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from uvicorn import Config, Server

from imagegw.config import Settings, parse
from imagegw.mongo.client import MongoDatabase, connect
from imagegw.mongo.clock import DatabaseClock
from imagegw.pipeline.desk import Desk
from imagegw.service import retention
from imagegw_api.api import Api
from imagegw_api.app import create_app
from imagegw_api.protocol import DeadlineProtocol
from imagegw_api.wiring import open_parts
from tests.servers.waiting import eventually

USERS = {"alice": 1000, "bob": 1001, "root": 0}


def token(user: str) -> str:
    """The token of a user of the tests."""
    return f"token-of-{user}"


@dataclass(frozen=True, kw_only=True)
class Served:
    port: int
    desk: Desk
    settings: Settings
    announced: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def session(self, user: str = "alice") -> requests.Session:
        """A client with a user's token."""
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {token(user)}"
        return session

    def get(self, path: str, user: str = "alice", **options: Any) -> requests.Response:
        with self.session(user) as session:
            return session.get(self.url + path, timeout=30, **options)

    def post(self, path: str, user: str = "alice", **options: Any) -> requests.Response:
        with self.session(user) as session:
            return session.post(self.url + path, timeout=30, **options)


def site_document(**changes: Any) -> dict[str, Any]:
    """The file of a site with two clusters, three users and Docker Hub."""
    tokens = [
        {"sha256": hashlib.sha256(token(user).encode()).hexdigest(), "user": user, "uid": uid, "gid": uid}
        for user, uid in USERS.items()
    ]
    local = {"accesstype": "local", "local": {"imageDir": "/images"}}
    return {
        "CacheDirectory": "/images/cache",
        "Locations": {"": {}, "registry.site:5000": {}},
        "Platforms": {
            "one": {**local, "admins": ["root"]},
            "two": {**local, "anonymous": ["lookup", "list", "queue"]},
        },
        "Tokens": tokens,
        "Authentication": "token",
        **changes,
    }


def site(mongo_uri: str, database: str, keys: Path) -> Settings:
    """That site, with a database and a key to encrypt logins with."""
    document = site_document(Database=database, SecretKeysFile=str(keys))
    return parse(document, {"IMAGEGW_MONGODB_URI": mongo_uri}, source="the test's site")


@contextmanager
def running(settings: Settings, mongo_uri: str) -> Iterator[Served]:
    """The application, until the context ends."""
    announced: list[tuple[str, str, str]] = []
    client = connect(mongo_uri, "imagegw-test")
    database = MongoDatabase(client, settings.database)
    database.make_indexes(retention(settings))
    ids = itertools.count(1)
    desk = Desk(
        database=database,
        now=DatabaseClock(client),
        new_id=lambda: f"{next(ids):032x}",
        host="test/api-1",
        announce=lambda key, kind, identity: announced.append((key, kind, identity)),
    )

    async def open_api(stack: AsyncExitStack) -> Api:
        return await open_parts(settings, stack, desk, lambda: True)

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = create_app(settings, open_api)
    server = Server(Config(app, http=DeadlineProtocol, ws="none", loop="uvloop", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        eventually(lambda: server.started)
        port = listener.getsockname()[1]
        yield Served(port=port, desk=desk, settings=settings, announced=announced)
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
        client.close()
