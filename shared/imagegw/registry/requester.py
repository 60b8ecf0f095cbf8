"""One authorised request to a location: challenge answered, mirrors asked before the registry."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import requests

from imagegw.errors import GatewayError, RegistryDenied
from imagegw.registry.answers import meaning_of
from imagegw.registry.budget import Budget, parse_budget
from imagegw.registry.settings import LocationSettings, Login
from imagegw.registry.tokens import Account, Authorizer, Permit
from imagegw.registry.transport import Transport


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a repository."""

    method: str
    repository: str
    path: str
    """Below the repository: ``manifests/<tag or digest>``, ``blobs/<digest>``."""
    what: str
    """For messages."""
    headers: Mapping[str, str]
    good: frozenset[int] = frozenset({200})
    """Statuses that are answers; others become errors."""


class Requester:
    """Asks one location's hosts; safe for several threads."""

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
        self._authorizer = Authorizer(settings, transport, monotonic=monotonic, now=now)
        self._now = now
        self._lock = threading.Lock()
        self._budgets: dict[str | None, Budget] = {}

    def ask(self, question: Question, login: Login | None) -> requests.Response:
        """The registry's own good answer, its body unread; the caller closes it.

        Raises:
            GatewayError: as :func:`imagegw.registry.answers.meaning_of` and the transport say.
        """
        return self._ask(self._settings.url, question, login)

    def ask_for_content(self, question: Question, login: Login | None) -> requests.Response:
        """The answer of the first mirror that has one, or else the registry's own, as by :meth:`ask`.

        For what is named by a digest only, since a mirror may send anything. It is asked without a login.
        """
        for mirror in self._settings.mirrors:
            try:
                return self._ask(mirror, question, None)
            except GatewayError:
                continue
        try:
            return self.ask(question, login)
        except RegistryDenied:
            # The site's own login is only there for a larger allowance: it must not lose what is public.
            if login is None or login != self._settings.site_login:
                raise
        return self.ask(question, None)

    def budget(self, login: Login | None) -> Budget | None:
        """What the registry last said is left of this account's allowance; None if it said nothing."""
        with self._lock:
            return self._budgets.get(None if login is None else login.user)

    def _ask(self, base: str, question: Question, login: Login | None) -> requests.Response:
        account = Account(base=base, repository=question.repository, login=login)
        url = f"{base.rstrip('/')}/v2/{question.repository}/{question.path}"
        permit = self._authorizer.permit(account)
        response = self._send(question, url, permit)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            permit, response = self._convince(account, permit, response, question, url)
        if response.status_code in question.good:
            if permit is not None:
                self._authorizer.accepted(account, permit)
            self._note_budget(response, login)
            return response
        raise meaning_of(response, asked=url, what=question.what, now=self._now())

    def _convince(
        self,
        account: Account,
        permit: Permit | None,
        refusal: requests.Response,
        question: Question,
        url: str,
    ) -> tuple[Permit | None, requests.Response]:
        """What is answered once the refusal's challenge is met; the refusal again if it cannot be."""
        try:
            fresh = self._authorizer.answer(account, permit, refusal.headers.get("WWW-Authenticate", ""))
        except BaseException:
            refusal.close()
            raise
        if fresh is None:
            return permit, refusal
        refusal.close()
        return fresh, self._send(question, url, fresh)

    def _send(self, question: Question, url: str, permit: Permit | None) -> requests.Response:
        headers = dict(question.headers) | ({} if permit is None else {"Authorization": permit.header})
        return self._transport.exchange(question.method, url, headers=headers)

    def _note_budget(self, response: requests.Response, login: Login | None) -> None:
        budget = parse_budget(response.headers)
        if budget is not None:
            with self._lock:
                self._budgets[None if login is None else login.user] = budget
