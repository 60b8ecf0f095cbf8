"""The data directory of `imagegw up`: held by one at a time, with the servers' passwords."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imagegw.errors import DirectoryInUse, ServerNotStarted
from imagegw_cli.up.account import write_private_file

_PASSWORD_BYTES = 24


@dataclass(frozen=True, kw_only=True)
class Passwords:
    """Of the private servers; made once for each data directory, since the servers remember them."""

    mongod: str
    rabbitmq: str


@contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Have ``directory`` exist and be ours alone until the end of the block.

    Raises:
        DirectoryInUse: another process holds it.
    """
    # As root: the servers' unprivileged users pass through to their own directories, but list nothing.
    directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    (directory / "logs").mkdir(mode=0o700, exist_ok=True)
    with (directory / "lock").open("a") as lock:  # closed by the kernel too, so no death leaves it locked
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DirectoryInUse(f"another `imagegw up` runs on {directory}") from error
        yield


def passwords(directory: Path) -> Passwords:
    """The passwords kept in ``directory``, made now if there are none.

    Raises:
        ServerNotStarted: the file that holds them is not as we wrote it.
    """
    file = directory / "passwords.json"
    if not file.exists():
        made = {name: secrets.token_urlsafe(_PASSWORD_BYTES) for name in ("mongod", "rabbitmq")}
        draft = directory / ".passwords.json"
        write_private_file(draft, json.dumps(made, indent=2) + "\n", owner=None)
        draft.rename(file)
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return Passwords(mongod=kept["mongod"], rabbitmq=kept["rabbitmq"])
    except (ValueError, KeyError, TypeError) as error:
        raise ServerNotStarted(f"{file} does not hold the passwords of mongod and rabbitmq") from error
