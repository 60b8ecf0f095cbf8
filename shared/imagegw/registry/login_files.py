"""A site's own login for a registry, from a file that its administrators keep."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from imagegw.config.secret_files import read_login, unreadable
from imagegw.domain.reference import is_docker_hub
from imagegw.errors import ConfigurationInvalid, Problem
from imagegw.registry.settings import Login

_DOCKER_HUB_KEYS = ("https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io")
"""Under which ``docker login`` and ``podman login`` keep Docker Hub's."""


def read_site_login(path: Path, location: str) -> Login:
    """The login in the file: one line ``user:password``, or a container ``auth.json`` if its name ends so.

    *location* is the name of the registry, by which ``auth.json`` is searched
    (containers-auth.json(5); also Docker's ``config.json``). Credential helpers are not run.

    Raises:
        ConfigurationInvalid: the file cannot be read, or has no login for the location.
    """
    if path.suffix != ".json":
        plain = read_login(path)
        return Login(user=plain.username, password=plain.password.get_secret_value())
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    return _search(text, path, _DOCKER_HUB_KEYS if is_docker_hub(location) else (location, f"https://{location}"))


def _search(text: str, path: Path, keys: tuple[str, ...]) -> Login:
    try:
        known: dict[str, Any] = json.loads(text)["auths"]
        entry: dict[str, str] = next(known[key] for key in keys if key in known)
        if entry.get("identitytoken"):
            return Login(user="<token>", password=entry["identitytoken"])
        user, colon, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise _no_login(path, keys[0]) from error
    if not user or not colon:
        raise _no_login(path, keys[0])
    return Login(user=user, password=password)


def _no_login(path: Path, key: str) -> ConfigurationInvalid:
    problem = Problem(path=str(path), expected=f'an entry "{key}" below "auths"', found="none that can be used")
    return ConfigurationInvalid.of(str(path), [problem])
