"""A client written from the contract alone: it does what the deployed one does, and dies of what kills that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.integration.api.application import Served

IN_FLIGHT = frozenset({"INIT", "PENDING", "PULLING", "EXAMINATION", "CONVERSION", "TRANSFER", "MISSING"})
KNOWN = IN_FLIGHT | {"READY", "FAILURE"}
POLL_S = 0.5


class Crashed(Exception):
    """What the deployed client does on such an answer."""


def read_record(response: requests.Response) -> dict[str, Any]:
    """The record in an answer, if the deployed client can read it."""
    if response.headers["Content-Type"] != "application/json":
        raise Crashed(f"content type {response.headers['Content-Type']}")
    if "Transfer-Encoding" in response.headers or int(response.headers["Content-Length"]) != len(response.content):
        raise Crashed("no length")
    record: dict[str, Any] = response.json()
    _check(record, response.text)
    return record


def _check(record: dict[str, Any], text: str) -> None:
    if any(value is None for value in record.values()):
        raise Crashed("null")
    if record["status"] not in KNOWN:
        raise Crashed(f"status {record['status']}")
    lines = [line.strip() for line in text.splitlines()]
    if next(line for line in lines if line.startswith('"status":')) != f'"status": "{record["status"]}",':
        raise Crashed("another status first")


@dataclass(kw_only=True)
class WireClient:
    """One process of `shifterimg pull`."""

    served: Served
    path: str = "/api/pull/one/docker/ubuntu%3A24.04/"
    user: str = "alice"
    body: str = ""
    words: list[str] = field(default_factory=list)

    def poll(self) -> bool:
        """One POST; whether the client goes on. The status in the first answer is ignored."""
        headers = {"Content-Type": "application/json"}
        response = self.served.post(self.path, self.user, data=self.body, headers=headers)
        if response.status_code != requests.codes.ok:
            self.words.append(str(response.status_code))
            return False
        word = read_record(response)["status"]
        self.words.append(word)
        return len(self.words) == 1 or word in IN_FLIGHT

    def run(self, pause: Callable[[], None], most: int = 50) -> str:
        """Poll until a word ends the wait, with a *pause* after each answer; that word."""
        for _ in range(most):
            if not self.poll():
                return self.words[-1]
            pause()
        raise Crashed(f"still waiting after {self.words}")
