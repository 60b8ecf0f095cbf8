"""Tokens of services: `Authorization: Bearer …`, known to the configuration by their sha256."""

from __future__ import annotations

import hashlib
import hmac

from imagegw.config import Settings, Token
from imagegw.errors import NotAuthenticated
from imagegw_api.auth.caller import Authenticate, Caller, Headers, header

_SCHEME = b"bearer"


def token(settings: Settings) -> Authenticate:
    """Authentication by the tokens of the site."""
    tokens = settings.tokens

    def authenticate(headers: Headers) -> Caller | None:
        value = header(headers, b"authorization")
        scheme, _, credential = (value or b"").strip().partition(b" ")
        if scheme.lower() != _SCHEME:
            return None
        found = _find(tokens, hashlib.sha256(credential.strip()).hexdigest())
        if found is None:
            raise NotAuthenticated("the gateway does not know this token")
        gids = tuple(dict.fromkeys((found.gid, *found.gids)))
        return Caller(user=found.user, uid=found.uid, gid=found.gid, gids=gids, method="token")

    return authenticate


def _find(tokens: tuple[Token, ...], digest: str) -> Token | None:
    """The token of that digest; looks at all of them, so that time tells nothing."""
    found: Token | None = None
    for entry in tokens:
        if hmac.compare_digest(entry.sha256, digest):
            found = entry
    return found
