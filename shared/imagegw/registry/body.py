"""The body of an answer, in pieces as they come, given up when it stalls or trickles."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import requests
import urllib3

from imagegw.errors import ManifestTooLarge, RegistryFailed
from imagegw.registry.settings import LocationSettings
from imagegw.registry.transport import host_of

CHUNK_BYTES = 1 << 18
"""Most that is read at once; what has come is handed on without waiting for the rest."""


class Pace:
    """Watches that a transfer does not fall below a least rate."""

    def __init__(self, least_bytes_per_s: int, window_s: float, monotonic: Callable[[], float]) -> None:
        self._least_bytes = least_bytes_per_s * window_s
        self._window_s = window_s
        self._monotonic = monotonic
        self._since = monotonic()
        self._bytes = 0

    def is_too_slow(self, came: int) -> bool:
        """Whether less than the least has come in the window that has just ended; *came* is counted."""
        self._bytes += came
        now = self._monotonic()
        if now - self._since < self._window_s:
            return False
        slow = self._bytes < self._least_bytes
        self._since, self._bytes = now, 0
        return slow


def stream_body(
    response: requests.Response, settings: LocationSettings, monotonic: Callable[[], float]
) -> Iterator[bytes]:
    """The body's bytes as they were sent, undecoded: digests are of those.

    Raises:
        RegistryFailed: the connection broke, fell silent, or became too slow.
    """
    pace = Pace(settings.least_bytes_per_s, settings.slow_after_s, monotonic)
    host = host_of(response.url)
    while True:
        try:
            chunk: bytes = response.raw.read1(CHUNK_BYTES, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise RegistryFailed(f"{host} has sent nothing for {settings.read_timeout_s:g} s") from error
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise RegistryFailed(f"the connection to {host} broke in mid-answer") from error
        if not chunk:
            return
        yield chunk
        if pace.is_too_slow(len(chunk)):
            raise RegistryFailed(f"{host} sends less than {settings.least_bytes_per_s} bytes a second")


def read_limited(
    response: requests.Response,
    settings: LocationSettings,
    monotonic: Callable[[], float],
    *,
    limit: int,
    what: str,
) -> bytes:
    """The whole body, if it has at most *limit* bytes; closes the answer.

    Raises:
        ManifestTooLarge: it has more; no more is read than is needed to know.
    """
    with response:
        told = response.headers.get("Content-Length", "")
        if told.isdigit() and int(told[:18]) > limit:
            raise ManifestTooLarge(f"expected at most {limit} bytes for {what}, found {told[:18]}")
        body = bytearray()
        for chunk in stream_body(response, settings, monotonic):
            body += chunk
            if len(body) > limit:
                raise ManifestTooLarge(f"expected at most {limit} bytes for {what}, found more")
        return bytes(body)


def interrupt(response: requests.Response) -> None:
    """Wakes the thread that waits for this body: its read ends as if the connection had broken."""
    try:
        response.raw.shutdown()
    except (OSError, ValueError, RuntimeError):
        return  # it has ended by itself
