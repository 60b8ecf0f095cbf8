"""The gateway's HTTP API as a command line sees it: one method a call, every failure an end of the command."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import requests
from requests.auth import AuthBase

from imagegw_cli.exits import CommandFailed, ExitCode, GatewayAway

V1 = "/api/v1"
Json = dict[str, Any]

CONNECT_S = 5.0
READ_S = 30.0
"""For an answer to begin, beyond what the call itself is asked to wait."""
_MOST_SHOWN = 200

_EXITS: Mapping[int, ExitCode] = {
    HTTPStatus.BAD_REQUEST: ExitCode.USAGE,
    HTTPStatus.UNPROCESSABLE_ENTITY: ExitCode.USAGE,
    HTTPStatus.UNAUTHORIZED: ExitCode.NOT_ALLOWED,
    HTTPStatus.FORBIDDEN: ExitCode.NOT_ALLOWED,
    HTTPStatus.NOT_FOUND: ExitCode.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS: ExitCode.GATEWAY_AWAY,
    HTTPStatus.BAD_GATEWAY: ExitCode.GATEWAY_AWAY,
    HTTPStatus.SERVICE_UNAVAILABLE: ExitCode.GATEWAY_AWAY,
    HTTPStatus.GATEWAY_TIMEOUT: ExitCode.GATEWAY_AWAY,
}
_USAGE_CODES = frozenset({"platform_unknown"})
"""Answered with 404, but what is wrong is how the command was called."""


class Gateway:
    """One gateway, asked as the owner of one token.

    Every method raises :class:`GatewayAway` if there is no answer, or none now, and else
    :class:`CommandFailed` with the gateway's own words.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        self._session.trust_env = not _is_loopback(self.url)  # no proxy leads back to this machine

    def start_pull(self, platform: str, reference: str) -> Json:
        """The new pull, or the one that the caller has under way."""
        return self._ask("POST", f"{V1}/pulls", body={"platform": platform, "reference": reference})

    def read_pull(self, pull_id: str, *, wait_s: float = 0.0, since: int | None = None) -> Json:
        """The pull with its history; with *wait_s* as soon as its `rev` is no more *since*."""
        query: dict[str, float | int] = {} if wait_s == 0 else {"wait": wait_s}
        if since is not None:
            query["since"] = since
        return self._ask("GET", f"{V1}/pulls/{quote(pull_id, safe='')}", query=query, more_s=wait_s)

    def list_images(self, platform: str) -> Json:
        """The images that the caller may use."""
        return self._ask("GET", f"{V1}/images", query={"platform": platform})

    def read_queue(self, platform: str) -> Json:
        """What is on its way, and what has failed lately."""
        return self._ask("GET", f"{V1}/queue", query={"platform": platform})

    def list_platforms(self) -> Json:
        """The platforms that the gateway serves."""
        return self._ask("GET", f"{V1}/platforms")

    def look_up(self, platform: str, reference: str) -> Json:
        """The record of the READY image that *reference* stands for; counts as a use of it."""
        return self._ask("GET", f"/api/lookup/{quote(platform, safe='')}/docker/{quote(reference, safe='')}")

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, float | int | str] | None = None,
        body: Json | None = None,
        more_s: float = 0.0,
    ) -> Json:
        try:
            response = self._session.request(
                method,
                f"{self.url}{path}",
                params=query,
                json=body,
                timeout=(CONNECT_S, READ_S + more_s),
                allow_redirects=False,  # a token goes to the address that it was meant for
            )
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
        ) as error:
            raise _not_an_address(self.url) from error
        except requests.RequestException as error:
            raise _away(self.url, error) from error
        return _read(self.url, response)


class _Bearer(AuthBase):
    """Sends the token. An `auth` of our own also keeps requests from taking another from ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(url: str, response: requests.Response) -> Json:
    try:
        content = response.json()
    except requests.exceptions.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise CommandFailed(
            ExitCode.GATEWAY_WRONG,
            f"{url} answered {response.status_code} without a JSON object, which the gateway never does",
            "Check the address (--url or IMAGEGW_URL); another server seems to listen there.",
        )
    if not response.ok:
        _refuse(response.status_code, content)
    return content


def _refuse(status: int, problem: Json) -> NoReturn:
    """Raise what an error of either API says; the older one has `error` and `message`."""
    code = str(problem.get("code") or problem.get("error") or "")
    sentence = str(problem.get("detail") or problem.get("message") or f"the gateway answered {status}")
    exit_code = ExitCode.USAGE if code in _USAGE_CODES else _EXITS.get(status, ExitCode.GATEWAY_WRONG)
    hint = str(problem.get("hint") or "")
    if exit_code is ExitCode.GATEWAY_AWAY:
        raise GatewayAway(sentence, hint)
    raise CommandFailed(exit_code, sentence, hint)


def _not_an_address(url: str) -> CommandFailed:
    return CommandFailed(ExitCode.USAGE, f"{url[:_MOST_SHOWN]!r} is no address", "Write it as http://HOST:PORT.")


def _away(url: str, error: requests.RequestException) -> GatewayAway:
    if isinstance(error, requests.exceptions.SSLError):
        return GatewayAway(f"the certificate of {url} was not accepted", "Check the address and the authority.")
    if isinstance(error, requests.exceptions.ReadTimeout):
        return GatewayAway(f"the gateway at {url} took too long to answer", "Try again in a minute.")
    return GatewayAway(
        f"the gateway at {url} does not answer",
        "Check the address (--url or IMAGEGW_URL) and that the gateway runs; `imagegw up` starts one.",
    )
