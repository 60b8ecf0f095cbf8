"""Who may read what: the ``Authorization`` header for a repository and a login.

Docker's token protocol (distribution.github.io/distribution/spec/auth/) and HTTP Basic. Tokens are kept until
they expire, passwords are not: they end with their pulls. A token that was good and is refused has been
withdrawn and is fetched again; one that never was good is not, so that asking again costs one request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

import requests

from imagegw.errors import ManifestTooLarge, RegistryDenied, RegistryMisbehaved
from imagegw.registry.answers import meaning_of
from imagegw.registry.body import read_limited
from imagegw.registry.challenges import Challenge, parse_challenges
from imagegw.registry.settings import LocationSettings, Login
from imagegw.registry.transport import Transport, host_of

_CLIENT_ID = "imagegw"
_UNTOLD_LIFE_S = 60.0
"""What a token is good for when the server does not say ("Token Response Fields")."""
_EARLY_S = 5.0
"""A token is renewed this long before it expires: the request that carries it takes time."""
_MOST_KEPT = 4096


@dataclass(frozen=True, kw_only=True)
class Account:
    """For whom and for what a header is."""

    base: str
    """The registry's or mirror's address."""
    repository: str
    login: Login | None

    @property
    def scope(self) -> str:
        """Read access, as the token protocol names it."""
        return f"repository:{self.repository}:pull"


@dataclass(frozen=True, kw_only=True)
class Permit:
    """A header and what is known of it."""

    header: str = field(repr=False)
    expires_at_s: float
    """By the monotonic clock."""
    proven: bool = False
    """Whether the registry has accepted it."""


class Authorizer:
    """The headers of one location, made as its hosts demand; safe for several threads."""

    def __init__(
        self,
        settings: LocationSettings,
        transport: Transport,
        *,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._monotonic = monotonic
        self._now = now
        self._lock = threading.Lock()
        self._salt = secrets.token_bytes()
        self._permits: dict[bytes, Permit] = {}
        self._demands: dict[str, Challenge] = {}

    def permit(self, account: Account) -> Permit | None:
        """What to send at first: a kept permit, or a new one if the host's demand is known, or none."""
        with self._lock:
            kept = self._permits.get(self._key(account))
            demand = self._demands.get(account.base)
        if kept is not None and kept.expires_at_s > self._monotonic():
            return kept
        if demand is None or (demand.scheme == "basic" and account.login is None):
            return None
        return self._obtain(account, demand, scope=account.scope)

    def accepted(self, account: Account, permit: Permit) -> None:
        """The registry has taken *permit*."""
        if not permit.proven and permit.expires_at_s > self._monotonic():
            self._keep(account, replace(permit, proven=True))

    def answer(self, account: Account, refused: Permit | None, header: str) -> Permit | None:
        """What to send after a 401 with this ``WWW-Authenticate``; None if nothing else can be said.

        Raises:
            RegistryDenied: the token server refuses the login.
        """
        demand = self._choose(parse_challenges(header), account)
        if demand is None:
            return None
        with self._lock:
            self._demands[account.base] = demand
        if refused is not None and (demand.scheme == "basic" or not refused.proven):
            return None
        return self._obtain(account, demand, scope=demand.parameters.get("scope") or account.scope)

    def _choose(self, challenges: list[Challenge], account: Account) -> Challenge | None:
        wanted = {"token": ("bearer",), "basic": ("basic",), None: ("bearer", "basic")}[self._settings.auth_method]
        for scheme in wanted:
            for challenge in challenges:
                if challenge.scheme == scheme and (scheme == "basic" or _is_safe(challenge, account.base)):
                    return challenge
        return None

    def _obtain(self, account: Account, demand: Challenge, *, scope: str) -> Permit | None:
        if demand.scheme == "bearer":
            permit = self._fetch_token(account, demand, scope)
            self._keep(account, permit)
            return permit
        if account.login is None:
            return None
        return Permit(header=_basic(account.login), expires_at_s=self._monotonic())

    def _keep(self, account: Account, permit: Permit) -> None:
        now_s = self._monotonic()
        with self._lock:
            kept = {key: old for key, old in self._permits.items() if old.expires_at_s > now_s}
            while len(kept) >= _MOST_KEPT:
                del kept[next(iter(kept))]
            self._permits = kept | {self._key(account): permit}

    def _key(self, account: Account) -> bytes:
        """Tells accounts apart without holding on to passwords, which end with their pulls."""
        login = account.login
        told = () if login is None else (login.user, login.password)
        return hashlib.sha256(self._salt + repr((account.base, account.repository, told)).encode()).digest()

    def _fetch_token(self, account: Account, demand: Challenge, scope: str) -> Permit:
        realm, service = demand.parameters["realm"], demand.parameters.get("service")
        asked_s = self._monotonic()
        response = self._ask_for_token(realm, service, scope, account.login)
        if response.status_code != HTTPStatus.OK:
            whose = "anonymously" if account.login is None else f"as {account.login.user!r}"
            raise meaning_of(
                response,
                asked=response.url,
                what=f"a token for {account.repository}, asked {whose}",
                now=self._now(),
            )
        token, life_s = self._read_token(response)
        return Permit(header=f"Bearer {token}", expires_at_s=asked_s + max(life_s - _EARLY_S, 0.0))

    def _ask_for_token(self, realm: str, service: str | None, scope: str, login: Login | None) -> requests.Response:
        """GET, which every token server knows; POST (OAuth2) for identity tokens and where GET is unknown."""
        asked = {"scope": scope} | ({} if service is None else {"service": service})
        if login is not None and login.is_identity_token:
            return self._post(realm, asked | {"grant_type": "refresh_token", "refresh_token": login.password})
        separator = "&" if urlsplit(realm).query else "?"
        headers = {} if login is None else {"Authorization": _basic(login)}
        response = self._transport.exchange("GET", f"{realm}{separator}{urlencode(asked)}", headers=headers)
        if response.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED} and login is not None:
            response.close()
            grant = {"grant_type": "password", "username": login.user, "password": login.password}
            return self._post(realm, asked | grant)
        return response

    def _post(self, realm: str, form: dict[str, str]) -> requests.Response:
        return self._transport.exchange("POST", realm, headers={}, form=form | {"client_id": _CLIENT_ID})

    def _read_token(self, response: requests.Response) -> tuple[str, float]:
        host = host_of(response.url)
        try:
            body = read_limited(
                response,
                self._settings,
                self._monotonic,
                limit=self._settings.limits.token_bytes,
                what="a token",
            )
            answer = json.loads(body)
            token = answer.get("token") or answer.get("access_token")
            life_s = answer.get("expires_in")
        except (ManifestTooLarge, ValueError, AttributeError) as error:
            raise RegistryMisbehaved(f"{host} answered with something that is no token") from error
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RegistryMisbehaved(f"{host} answered with something that is no token")
        return token, float(life_s) if isinstance(life_s, int) else _UNTOLD_LIFE_S


def _basic(login: Login) -> str:
    """RFC 7617; the user's name must not hold a colon, the password may."""
    if login.is_identity_token or ":" in login.user:
        raise RegistryDenied("the registry asks for a user name and a password, the login is of another kind")
    return f"Basic {base64.b64encode(f'{login.user}:{login.password}'.encode()).decode()}"


def _is_safe(challenge: Challenge, base: str) -> bool:
    """Whether a login may go to the challenge's realm: an https registry must not send it over http."""
    realm = urlsplit(challenge.parameters.get("realm", ""))
    return bool(realm.netloc) and realm.scheme in {"https", urlsplit(base).scheme}
