"""JSON answers: indented, one key a line, with a length, and with nothing after their content type."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

JSON_TYPE = "application/json"
"""Without a charset: deployed clients stop reading at one."""


def answer(
    content: Any,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    headers: Mapping[str, str] | None = None,
    media_type: str = JSON_TYPE,
) -> Response:
    """*content* as JSON."""
    body = orjson.dumps(content, option=orjson.OPT_INDENT_2)
    return Response(body, status_code=int(status), headers=headers, media_type=media_type)
