"""What a registry's status means: two tables and the words that it sends along."""

from __future__ import annotations

import json
from datetime import datetime
from http import HTTPStatus
from typing import Any

import requests

from imagegw.errors import (
    GatewayError,
    ManifestUnknown,
    RegistryBusy,
    RegistryDenied,
    RegistryFailed,
    RegistryMisbehaved,
)
from imagegw.registry.budget import parse_retry_after
from imagegw.registry.transport import host_of, origin_of

_DENIED = frozenset({401, 403, 407, 451})
_TEMPORARY = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_ERROR_BYTES = 16 << 10
_WORDS = 200


def meaning_of(response: requests.Response, *, asked: str, what: str, now: datetime) -> GatewayError:
    """The error that the answer means, with the registry's own words; closes the answer.

    *asked* is the URL that the request began with: storage that the registry redirected to answers for
    itself. A presigned URL that is refused has expired, and asking the registry again helps.
    """
    with response:
        words = _words(response)
    status, host = response.status_code, host_of(response.url)
    pause_s = parse_retry_after(response.headers, now=now)
    said = f"{host} answered {status} for {what}{words}"
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and pause_s is not None):
        return RegistryBusy(said, retry_after_s=pause_s)
    if status in _TEMPORARY:
        return RegistryFailed(said, retry_after_s=pause_s)
    if origin_of(response.url) != origin_of(asked):
        return RegistryFailed(said)
    if status in _DENIED:
        return RegistryDenied(said)
    if status == HTTPStatus.NOT_FOUND:
        return ManifestUnknown(said)
    return RegistryMisbehaved(said)


def _words(response: requests.Response) -> str:
    """The first error of the body (distribution-spec, "Error Codes"), or nothing."""
    try:
        body = response.raw.read(_ERROR_BYTES, decode_content=True)
        first: Any = json.loads(body)["errors"][0]
        code, message = str(first.get("code", "")), str(first.get("message", ""))
    except Exception:  # noqa: BLE001 -- a body that cannot be read must not hide the status that it came with
        return ""
    words = ", ".join(word for word in (code, message) if word)
    return f" ({''.join(c if c.isprintable() else ' ' for c in words[:_WORDS])})" if words else ""
