"""A private mongod: loopback, a password, a small cache, an unprivileged user, all in one directory."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from imagegw.errors import ServerMissing
from imagegw_cli.up.account import Account, make_private_directory, unprivileged
from imagegw_cli.up.ports import LOOPBACK, free_ports
from imagegw_cli.up.process import Program

USER = "imagegw"
_ACCOUNTS = ("imagegw", "mongodb", "nobody")
_CACHE_GB = "0.25"  # the least that mongod takes; documents here are small
_PROBE_TIMEOUT_MS = 2000
_AUTHENTICATION_FAILED = 18


def find_mongod(configured: Path | None = None) -> Path:
    """The server's program: the one named, else the one in PATH, else the one that the extra `mongod` brings.

    Raises:
        ServerMissing: none is there.
    """
    candidates = (configured, _in_path(), _in_extra())
    for candidate in candidates:
        if candidate is not None and os.access(candidate, os.X_OK):
            return candidate
    raise ServerMissing("mongod was not found in PATH, and the extra `mongod` is not installed")


def _in_path() -> Path | None:
    found = shutil.which("mongod")
    return None if found is None else Path(found).absolute()


def _in_extra() -> Path | None:
    package = find_spec("fiftyone")
    if package is None or package.submodule_search_locations is None:
        return None
    places = [Path(place, "db/bin/mongod") for place in package.submodule_search_locations]
    return next((place for place in places if place.is_file()), None)


class Mongod:
    """A mongod whose data stand in ``directory``."""

    name = "mongod"

    def __init__(self, *, program: Path, directory: Path, password: str, port: int | None = None) -> None:
        self._program = program
        self._directory = directory
        self._password = password
        self._port = port
        self._chosen_port = port

    @property
    def uri(self) -> str:
        """How to connect, with the password; after the first start."""
        password = quote(self._password, safe="")
        return f"mongodb://{USER}:{password}@{self.address}/?authSource=admin&directConnection=true"

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._chosen_port}"

    def prepare(self) -> tuple[Program, ...]:
        account = unprivileged(_ACCOUNTS)
        make_private_directory(self._directory, account)
        make_private_directory(self._directory / "data", account)
        self._chosen_port = free_ports(1)[0] if self._port is None else self._port
        return (self._command(account),)

    def is_ready(self) -> bool:
        """Whether it answers with the password; the first time, have the user made."""
        try:
            self._ping(self.uri)
        except OperationFailure as error:
            return error.code == _AUTHENTICATION_FAILED and self._make_user()
        except PyMongoError:
            return False
        return True

    def _command(self, account: Account | None) -> Program:
        data = self._directory / "data"
        argv = [str(self._program), "--dbpath", str(data), "--auth", "--nounixsocket"]
        argv += ["--bind_ip", LOOPBACK, "--port", str(self._chosen_port)]
        argv += ["--wiredTigerCacheSizeGB", _CACHE_GB]
        # 6.0 up to 6.0.26 leaks memory through zlib messages (CVE-2025-14847): it then refuses them.
        argv += ["--networkMessageCompressors", "disabled"]
        argv += ["--setParameter", "diagnosticDataCollectionEnabled=false"]  # up to 200 MB that nobody reads
        environ = {"PATH": os.defpath, "HOME": str(self._directory), "LC_ALL": "C"}
        log = self._directory / "mongod.log"
        return Program(name=self.name, argv=tuple(argv), environ=environ, log=log, account=account)

    def _ping(self, uri: str) -> None:
        with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=_PROBE_TIMEOUT_MS) as client:
            client.admin.command("ping")

    def _make_user(self) -> bool:
        """Make the user by the localhost exception, which holds until the first one exists.

        Should another user of this machine be faster, this fails, and so does the start.
        """
        bare = f"mongodb://{self.address}/?directConnection=true"
        try:
            with MongoClient[dict[str, object]](bare, serverSelectionTimeoutMS=_PROBE_TIMEOUT_MS) as client:
                client.admin.command("createUser", USER, pwd=self._password, roles=["root"])
        except PyMongoError:
            return False
        return True
