"""Errors as answers: one table of statuses, and the shape that each of the two APIs has for them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from imagegw.errors import (
    BrokerAway,
    DatabaseAway,
    GatewayError,
    LoginUnusable,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PlatformUnknown,
    ReferenceInvalid,
    RequestInvalid,
)
from imagegw_api.answers import answer
from imagegw_api.wire.records import of_error

V1 = "/api/v1"
PROBLEM_TYPE = "application/problem+json"

STATUSES: dict[type[GatewayError], HTTPStatus] = {
    RequestInvalid: HTTPStatus.BAD_REQUEST,
    ReferenceInvalid: HTTPStatus.BAD_REQUEST,
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    PlatformUnknown: HTTPStatus.NOT_FOUND,
    LoginUnusable: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseAway: HTTPStatus.SERVICE_UNAVAILABLE,
    BrokerAway: HTTPStatus.SERVICE_UNAVAILABLE,
}
_SAFE_ON_THE_WIRE = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Deployed clients know 404 and the refusals; whatever else is wrong with a request is a 404 to them."""


def of_gateway_error(path: str, error: GatewayError) -> Response:
    """The answer to a request that ended with one of our errors."""
    status = STATUSES.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    return of_status(path, status, code=error.code, sentence=error.sentence, hint=error.hint)


def of_status(path: str, status: HTTPStatus, *, code: str, sentence: str, hint: str = "") -> Response:
    """The answer with that status, in the shape of the API that *path* belongs to."""
    headers = {"www-authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    if path.startswith(V1):
        return answer(problem(status, code, sentence, hint), status, headers=headers, media_type=PROBLEM_TYPE)
    shown = status if status in _SAFE_ON_THE_WIRE else HTTPStatus.NOT_FOUND
    return answer(of_error(int(shown), code, sentence), shown, headers=headers)


def problem(status: HTTPStatus, code: str, sentence: str, hint: str) -> dict[str, Any]:
    """The body of a problem (RFC 9457): `code` is what programs compare."""
    return {
        "type": f"urn:imagegw:error:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": sentence,
        "code": code,
        "hint": hint,
    }
