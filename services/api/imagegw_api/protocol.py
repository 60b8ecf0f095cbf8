"""uvicorn's HTTP protocol with what it lacks: deadlines for header and body, and a limit to the header."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from imagegw_api.wire.records import of_error

HEADER_S = 10.0
"""From the connection, or a request's first byte, to the end of its header."""
BODY_S = 30.0
HEADER_BYTES = 48 * 1024
"""Of a whole header. A credential of a user with many logins takes 16 KB of it."""


class DeadlineProtocol(HttpToolsProtocol):
    """A connection that nobody can hold by being slow."""

    cycle: RequestResponseCycle | None  # type: ignore[assignment] # None before the first request
    _deadline: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _is_in_header = True
    _is_header_too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm(HEADER_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        is_idle = self.cycle is None or self.cycle.response_complete
        if self._deadline is None and is_idle:
            self._arm(HEADER_S)
        super().data_received(data)
        self._header_bytes += len(data) if self._is_in_header else 0
        if self._is_in_header and self._header_bytes > HEADER_BYTES and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)  # a line that does not end

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_header = True
        self._header_bytes = 0
        self._is_header_too_large = False
        if self._deadline is None:
            self._arm(HEADER_S)

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._is_header_too_large = size > HEADER_BYTES
        if self._is_header_too_large:
            raise ValueError("the header is too large")  # the parser makes it the error that is answered below
        self._is_in_header = False
        self._header_bytes = 0
        self._arm(BODY_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._disarm()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What cannot be parsed, or is too large, is refused as JSON, and the connection ends."""
        too_large = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        self._refuse(too_large if self._is_header_too_large else HTTPStatus.BAD_REQUEST)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Say why and end the connection; an answer that has begun is cut."""
        if self.transport.is_closing():
            return
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            content = of_error(int(status), "request_invalid", status.phrase)
            body = orjson.dumps(content, option=orjson.OPT_INDENT_2)
            lines = (
                f"HTTP/1.1 {int(status)} {status.phrase}",
                "content-type: application/json",
                f"content-length: {len(body)}",
                "connection: close",
            )
            self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.transport.close()
