"""Logins that came with pulls: encrypted in `secrets`, named by the pull, gone when it ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from imagegw.domain.records import Pull
from imagegw.errors import LoginUnusable
from imagegw.mongo.port import Collection
from imagegw.registry.settings import Login

_AFTER_DEADLINE = timedelta(hours=1)
"""How long a secret may outlive its pull's deadline, should nobody delete it before."""


class LoginVault:
    """Keeps logins under Fernet keys, of which the first encrypts and all decrypt.

    The pull's id and location stand inside the token and are compared on reading, so that a record that is
    moved to another pull is of no use there.
    """

    def __init__(self, secrets: Collection, keys: Sequence[str]) -> None:
        self._secrets = secrets
        self._cipher = MultiFernet([Fernet(key) for key in keys]) if keys else None

    @property
    def is_open(self) -> bool:
        """Whether there is a key; without one no login is kept."""
        return self._cipher is not None

    def keep(self, pull_id: str, location: str, login: Login, deadline: datetime) -> None:
        """Keep *login* for the pull, in place of one that it brought before.

        Raises:
            LoginUnusable: the gateway has no key.
        """
        if self._cipher is None:
            raise LoginUnusable("the gateway has no key (SecretKeysFile) to keep a login with")
        told = {"pull": pull_id, "location": location, "user": login.user, "password": login.password}
        token = self._cipher.encrypt(json.dumps(told).encode()).decode()
        fields = {"token": token, "expires": deadline + _AFTER_DEADLINE}
        if not self._secrets.insert({"_id": pull_id, **fields}):
            self._secrets.update({"_id": pull_id}, {"$set": fields})

    def of(self, pull: Pull, location: str) -> Login | None:
        """The login that came with *pull* for *location*; None if none did.

        Raises:
            LoginUnusable: it cannot be read with the keys that there are.
        """
        document = self._secrets.get(pull.id)
        if document is None:
            return None
        if self._cipher is None:
            raise LoginUnusable("the gateway has no key (SecretKeysFile) to read the pull's login with")
        try:
            told = json.loads(self._cipher.decrypt(document["token"]))
        except InvalidToken as error:
            raise LoginUnusable("the pull's login cannot be read with the gateway's keys") from error
        if told["pull"] != pull.id:
            raise LoginUnusable("the login that is kept for this pull is another pull's")
        if told["location"] != location:
            return None
        return Login(user=told["user"], password=told["password"])
