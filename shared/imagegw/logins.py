"""Logins that came with a pull: encrypted while the pull waits, readable for that pull and location only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from imagegw.errors import LoginUnusable
from imagegw.mongo.port import Collection

KEEP_AFTER_DEADLINE = timedelta(hours=1)


class Logins:
    """The logins of pulls, in `secrets`: a document for each pull, a token for each location.

    The token holds pull id and location too, and both are compared on reading: a record that somebody moves to
    another pull, or renames, opens nothing.
    """

    def __init__(self, secrets: Collection, keys: Sequence[SecretStr]) -> None:
        """Keys as `SecretKeysFile` has them: the first encrypts, all decrypt."""
        self._secrets = secrets
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys]) if keys else None

    @property
    def can_keep(self) -> bool:
        """Whether the site has a key to encrypt with."""
        return self._fernet is not None

    def keep(self, pull_id: str, logins: Mapping[str, SecretStr], deadline: datetime) -> None:
        """Keep the logins (location to `user:password`) of a pull, in place of what was kept for it.

        Raises:
            LoginUnusable: the site has no key.
            DatabaseAway: they may have been kept.
        """
        tokens = [{"location": name, "token": self._seal(pull_id, name, text)} for name, text in logins.items()]
        document = {"_id": pull_id, "tokens": tokens, "expires": deadline + KEEP_AFTER_DEADLINE}
        if not self._secrets.insert(document):
            self._secrets.update({"_id": pull_id}, {"$set": {"tokens": tokens, "expires": document["expires"]}})

    def read(self, pull_id: str, location: str) -> SecretStr | None:
        """The login of a pull for a location, as `user:password`; None if it has none.

        Raises:
            LoginUnusable: there is one that cannot be read.
            DatabaseAway: the database does not answer.
        """
        document = self._secrets.get(pull_id)
        tokens: list[dict[str, Any]] = [] if document is None else document["tokens"]
        for entry in tokens:
            if entry["location"] == location:
                return self._open(pull_id, location, entry["token"])
        return None

    def forget(self, pull_id: str) -> None:
        """Delete the logins of a pull."""
        self._secrets.delete({"_id": pull_id})

    def _seal(self, pull_id: str, location: str, login: SecretStr) -> bytes:
        inside = {"pull": pull_id, "location": location, "login": login.get_secret_value()}
        return self._key().encrypt(json.dumps(inside).encode())

    def _open(self, pull_id: str, location: str, token: bytes) -> SecretStr:
        try:
            inside = json.loads(self._key().decrypt(token))
        except InvalidToken as error:
            raise LoginUnusable(
                f"the stored login of pull {pull_id} cannot be read with the site's keys"
            ) from error
        if (inside["pull"], inside["location"]) != (pull_id, location):
            raise LoginUnusable(f"the stored login of pull {pull_id} is not its own")
        return SecretStr(inside["login"])

    def _key(self) -> MultiFernet:
        if self._fernet is None:
            raise LoginUnusable("the site has no SecretKeysFile, so that no login can be kept")
        return self._fernet
