"""The table of methods, and asking the configured ones in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from imagegw.config import Settings
from imagegw_api.auth.caller import Authenticate, Caller, Headers
from imagegw_api.auth.token import token

METHODS: Mapping[str, Callable[[Settings], Authenticate]] = {"token": token}
"""A new method is one file and one line here."""

log = structlog.get_logger(__name__)


class Authenticator:
    """Finds the caller by the methods that the site accepts."""

    def __init__(self, settings: Settings) -> None:
        known = [name for name in settings.authentication if name in METHODS]
        for name in settings.authentication:
            if name not in METHODS:
                log.warning("authentication_method_missing", method=name, accepted=known)
        self._methods: tuple[Authenticate, ...] = tuple(METHODS[name](settings) for name in known)

    def find_caller(self, headers: Headers) -> Caller | None:
        """The caller; None when the request has no credential of any method.

        Raises:
            NotAuthenticated: the credential is not valid.
        """
        for authenticate in self._methods:
            caller = authenticate(headers)
            if caller is not None:
                return caller
        return None
