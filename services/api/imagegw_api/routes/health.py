"""Whether the process lives, and whether it can work."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from imagegw.errors import DatabaseAway
from imagegw_api.answers import answer
from imagegw_api.api import api_of


async def greet(_request: Request) -> Response:
    """A short text; some sites' health check."""
    return PlainTextResponse("imagegw: an image gateway\n")


async def tell_live(_request: Request) -> Response:
    """The process lives."""
    return answer({"status": "ok"})


async def tell_ready(request: Request) -> Response:
    """Database and broker answer."""
    api = api_of(request)
    try:
        await api.reader.ping()
        database = "ok"
    except DatabaseAway as error:
        database = error.sentence
    broker = "ok" if api.is_broker_there() else "the broker does not answer"
    is_ready = database == broker == "ok"
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return answer({"status": "ok" if is_ready else "not ready", "database": database, "broker": broker}, status)


ROUTES = [
    Route("/", greet, methods=["GET"]),
    Route("/healthz", tell_live, methods=["GET"]),
    Route("/readyz", tell_ready, methods=["GET"]),
]
