"""When a token is asked for again, by a clock that the test moves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO

import pytest
import requests
from urllib3 import HTTPResponse

from imagegw.registry.settings import LocationSettings, Login
from imagegw.registry.tokens import Account, Authorizer, Permit
from imagegw.registry.transport import Transport

BEARER = 'Bearer realm="https://auth.test/token",service="s"'
ALICE = Login(user="alice", password="secret")
SETTINGS = LocationSettings(name="x", url="https://x.test")


class Tokens(Transport):
    """Answers every request for a token with the next number."""

    def __init__(self, life_s: int | None) -> None:
        super().__init__(SETTINGS)
        self.asked: list[str] = []
        self._life_s = life_s

    def exchange(self, method: str, url: str, *, headers: Mapping[str, str], **_: object) -> requests.Response:
        self.asked.append(url)
        body = json.dumps({"token": str(len(self.asked)), "expires_in": self._life_s}).encode()
        response = requests.Response()
        response.status_code = 200
        response.url = url
        response.raw = HTTPResponse(body=BytesIO(body), preload_content=False)
        return response


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def authorizer(transport: Transport, clock: Clock) -> Authorizer:
    return Authorizer(SETTINGS, transport, monotonic=clock, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))


def account(login: Login | None = None, repository: str = "a/b") -> Account:
    return Account(base="https://x.test", repository=repository, login=login)


def header(permit: Permit | None) -> str:
    assert permit is not None
    return permit.header


@pytest.mark.parametrize(("life_s", "good_for_s"), [(300, 294), (None, 54)])
def test_a_token_is_kept_until_shortly_before_it_expires(clock: Clock, life_s: int | None, good_for_s: int) -> None:
    tokens = Tokens(life_s)
    kept = authorizer(tokens, clock)
    first = header(kept.answer(account(), None, BEARER))
    clock.now_s += good_for_s
    before = header(kept.permit(account()))
    clock.now_s += 6
    after = header(kept.permit(account()))

    assert (first, before, after) == ("Bearer 1", "Bearer 1", "Bearer 2")


def test_each_repository_and_each_login_has_a_token_of_its_own(clock: Clock) -> None:
    kept = authorizer(Tokens(300), clock)
    kept.answer(account(), None, BEARER)
    headers = {header(kept.permit(who)) for who in (account(), account(ALICE), account(repository="c"), account())}

    assert headers == {"Bearer 1", "Bearer 2", "Bearer 3"}


def test_a_token_that_was_good_is_renewed_when_it_is_refused(clock: Clock) -> None:
    kept = authorizer(Tokens(300), clock)
    permit = kept.answer(account(), None, BEARER)
    assert permit is not None
    kept.accepted(account(), permit)

    assert header(kept.answer(account(), kept.permit(account()), BEARER)) == "Bearer 2"


def test_a_token_that_never_was_good_is_not_renewed(clock: Clock) -> None:
    kept = authorizer(Tokens(300), clock)
    kept.answer(account(), None, BEARER)

    assert kept.answer(account(), kept.permit(account()), BEARER) is None


def test_the_registrys_scope_goes_before_ours(clock: Clock) -> None:
    tokens = Tokens(300)
    authorizer(tokens, clock).answer(account(), None, f'{BEARER},scope="repository:other:pull"')

    assert tokens.asked == ["https://auth.test/token?scope=repository%3Aother%3Apull&service=s"]


def test_a_login_is_not_sent_to_a_realm_without_tls(clock: Clock) -> None:
    tokens = Tokens(300)
    refused = authorizer(tokens, clock).answer(account(ALICE), None, 'Bearer realm="http://auth.test/token"')

    assert refused is None
    assert tokens.asked == []


def test_a_permit_does_not_show_its_secret(clock: Clock) -> None:
    permit = authorizer(Tokens(300), clock).answer(account(ALICE), None, 'Basic realm="x"')

    assert header(permit) == "Basic YWxpY2U6c2VjcmV0"
    assert "YWxpY2U" not in repr(permit)


def test_no_password_is_kept(clock: Clock) -> None:
    kept = authorizer(Tokens(300), clock)
    kept.answer(account(ALICE), None, BEARER)
    kept.answer(account(ALICE), None, 'Basic realm="x"')

    assert "secret" not in repr(vars(kept))
    assert header(kept.permit(account(ALICE))) == "Bearer 1"


def test_what_has_expired_is_forgotten(clock: Clock) -> None:
    kept = authorizer(Tokens(300), clock)
    for number in range(5):
        kept.answer(account(repository=f"r{number}"), None, BEARER)
        clock.now_s += 1000

    assert len(kept._permits) == 1
