"""Without a valid credential nothing is answered but health: the first thing that a request meets."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from imagegw.config import Settings
from imagegw.errors import NotAuthenticated
from imagegw_api import failures
from imagegw_api.auth.caller import ANONYMOUS, Caller
from imagegw_api.auth.table import Authenticator

OPEN = frozenset({"/", "/healthz", "/readyz"})
_CALL, _SYSTEM = 2, 3
"""Where `/api/<call>/<system>/…` has them."""


class Gate:
    """Names the caller of each request in its state, or refuses it."""

    def __init__(self, app: ASGIApp, settings: Settings, authenticator: Authenticator) -> None:
        self._app = app
        self._settings = settings
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        try:
            caller = self._find_caller(scope)
        except NotAuthenticated as error:
            await failures.of_gateway_error(scope["path"], error)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)

    def _find_caller(self, scope: Scope) -> Caller:
        caller = self._authenticator.find_caller(scope["headers"])
        if caller is not None:
            return caller
        if self._is_anonymous(scope["path"]):
            return ANONYMOUS
        raise NotAuthenticated("the request has no credential")

    def _is_anonymous(self, path: str) -> bool:
        """Whether the platform's configuration opens this call to everybody."""
        parts = path.split("/")
        if len(parts) <= _SYSTEM or parts[1] != "api":
            return False
        platform = self._settings.platforms.get(parts[_SYSTEM])
        return platform is not None and parts[_CALL] in platform.anonymous
