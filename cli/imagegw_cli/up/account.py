"""Whom a server runs as: never as root."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from imagegw.errors import ServerNotStarted


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def unprivileged(names: Iterable[str]) -> Account | None:
    """The first of these users that exists, if this process is root; None: it has no privilege to give up.

    Raises:
        ServerNotStarted: this process is root, and none of them exists.
    """
    if os.geteuid() != 0:
        return None
    wanted = tuple(names)
    for name in wanted:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise ServerNotStarted(f"a server is not run as root, and no user {' or '.join(wanted)} exists")


def make_private_directory(path: Path, owner: Account | None) -> None:
    """Have ``path`` be a directory that only ``owner`` (None: this process's user) can read.

    Raises:
        ServerNotStarted: the owner may not enter a directory above it.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    if owner is None:
        return
    os.chown(path, owner.uid, owner.gid)
    for parent in path.absolute().parents:
        entry = parent.stat()
        if not entry.st_mode & stat.S_IXOTH and entry.st_uid != owner.uid:
            raise ServerNotStarted(
                f"{path} cannot be used by user {owner.name}, who may not enter {parent}; "
                "choose a data directory elsewhere"
            )


def write_private_file(path: Path, text: str, owner: Account | None) -> None:
    """Have ``path`` hold ``text``, readable by ``owner`` (None: this process's user) alone, always."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        if owner is not None:
            os.fchown(descriptor, owner.uid, owner.gid)
