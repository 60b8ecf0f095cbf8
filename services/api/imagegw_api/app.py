"""The application: routes, the gate before them, errors in their shapes, and the parts behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from importlib import metadata
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from imagegw.config import Settings
from imagegw.errors import GatewayError, NotFound, RequestInvalid, Unexpected
from imagegw_api import failures, openapi
from imagegw_api.api import Api
from imagegw_api.auth.table import Authenticator
from imagegw_api.gate import Gate
from imagegw_api.routes import health, v1, wire

BODY_BYTES = 256 * 1024
"""Of a request: the longest ACL that the runtime takes, twice over, and a login."""

log = structlog.get_logger(__name__)

OpenApi = Callable[[AsyncExitStack], Awaitable[Api]]


def create_app(settings: Settings, open_api: OpenApi) -> FastAPI:
    """The application; *open_api* makes its parts when it starts, and leaves on the stack what closes them."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Api]]:
        async with AsyncExitStack() as stack:
            yield {"api": await open_api(stack)}

    app = FastAPI(
        title="imagegw",
        version=metadata.version("imagegw"),
        description="An image gateway for HPC sites.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=lifespan,
    )
    app.include_router(v1.router)
    app.router.routes.extend([*health.ROUTES, *wire.ROUTES])
    app.add_exception_handler(GatewayError, _gateway_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=BODY_BYTES)
    app.add_middleware(Gate, settings=settings, authenticator=Authenticator(settings))
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Let the app answer with our document, made once."""
    made: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not made:
            made.append(openapi.describe(app))
        return made[0]

    app.openapi = document  # type: ignore[method-assign] # FastAPI's documented way


async def _gateway_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, GatewayError):  # pragma: no cover - registered for that class
        raise error
    return failures.of_gateway_error(request.url.path, error)


async def _http_error(request: Request, error: Exception) -> Response:
    """What the framework refuses: unknown paths, wrong methods, bodies that are too large."""
    if not isinstance(error, HTTPException):  # pragma: no cover - registered for that class
        raise error
    status = HTTPStatus(error.status_code)
    kind = NotFound if status is HTTPStatus.NOT_FOUND else RequestInvalid
    response = failures.of_status(request.url.path, status, code=kind.code, sentence=status.phrase, hint=kind.hint)
    response.headers.update(error.headers or {})
    return response


async def _invalid(request: Request, error: Exception) -> Response:
    """A request that is not what the models say; what was sent is not shown again, it may hold a password."""
    if not isinstance(error, RequestValidationError):  # pragma: no cover - registered for that class
        raise error
    parts = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return failures.of_status(
        request.url.path, status, code=RequestInvalid.code, sentence="; ".join(parts), hint=RequestInvalid.hint
    )


async def _gone(_request: Request, _error: Exception) -> Response:
    """The client went away while its body was read: nobody reads this answer."""
    return Response(status_code=int(HTTPStatus.BAD_REQUEST))


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.url.path, exc_info=error)
    sentence = f"an error that nobody foresaw: {type(error).__name__}"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return failures.of_status(
        request.url.path, status, code=Unexpected.code, sentence=sentence, hint=Unexpected.hint
    )
