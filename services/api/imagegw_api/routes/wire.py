"""The calls of deployed clients, as plain routes: they are the hot ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import anyio.to_thread
import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagegw.domain.acl import parse_wish
from imagegw.domain.reference import normalise_typed_tag
from imagegw.errors import DatabaseAway, NotFound, RequestInvalid
from imagegw_api import looking
from imagegw_api.answers import answer
from imagegw_api.api import api_of, caller_of
from imagegw_api.looking import Seen
from imagegw_api.pulling import Ask, check_platform, check_reference
from imagegw_api.wire import records
from imagegw_api.wire.pulling import answer_pull

_KINDS: dict[str, Literal["docker", "custom"]] = {"docker": "docker", "custom": "custom"}

log = structlog.get_logger(__name__)


async def list_images(request: Request) -> Response:
    """READY images of a platform that the caller may read."""
    api, platform = api_of(request), request.path_params["system"]
    check_platform(api.settings, platform)
    seen = await looking.list_images(api, caller_of(request), platform)
    return await anyio.to_thread.run_sync(_render_list, seen)


def _render_list(seen: list[Seen]) -> Response:
    return answer({"list": [records.of_image(each.image, each.tags, kind=each.kind) for each in seen]})


async def look_up(request: Request) -> Response:
    """The record of one image."""
    api, platform = api_of(request), request.path_params["system"]
    check_platform(api.settings, platform)
    kind, tag = _kind(request), normalise_typed_tag(_tag(request))
    seen = await looking.look_up(api, caller_of(request), platform, kind, tag)
    return answer(records.of_image(seen.image, seen.tags, kind=kind))


async def pull(request: Request) -> Response:
    """Start a pull, or tell how it is going: one call for both.

    Anything but 200 ends a waiting client silently, so a database that is away is no error here: the client is
    told that the state is not known, and asks again.
    """
    api, platform = api_of(request), request.path_params["system"]
    check_platform(api.settings, platform)
    if _kind(request) != "docker":
        raise RequestInvalid("images of type docker are pulled; those of type custom are imported")
    ask = Ask(
        caller=caller_of(request),
        platform=platform,
        tag=check_reference(api.settings, _tag(request)),
        wish=parse_wish(parse_body(await request.body())),
    )
    try:
        return answer(await answer_pull(api, ask))
    except DatabaseAway as error:
        log.warning("pull_unanswered", platform=platform, tag=ask.tag, error=error.sentence)
        return answer(records.unknown(platform, ask.kind, error.sentence))


async def queue(request: Request) -> Response:
    """What is on its way to a platform."""
    api, platform = api_of(request), request.path_params["system"]
    check_platform(api.settings, platform)
    pulls = await looking.queue(api, caller_of(request), platform)
    return answer({"list": [records.in_queue(pull) for pull in pulls]})


def parse_body(body: bytes) -> Mapping[str, Any]:
    """The object in the body; clients mostly send an empty one.

    Raises:
        RequestInvalid: it is no JSON object.
    """
    if not body.strip():
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestInvalid("the body is no JSON") from error
    if not isinstance(value, dict):
        raise RequestInvalid(f"the body is a JSON object or empty, found a {type(value).__name__}")
    return value


def _kind(request: Request) -> Literal["docker", "custom"]:
    kind = request.path_params["kind"]
    if kind not in _KINDS:
        raise NotFound(f"the gateway serves images of type docker and custom, found {kind[:20]!r}")
    return _KINDS[kind]


def _tag(request: Request) -> str:
    """The typed tag, decoded once by the server, with or without a final slash."""
    tag: str = request.path_params["tag"]
    return tag.removesuffix("/")


ROUTES = [
    Route("/api/list/{system}", list_images, methods=["GET"]),
    Route("/api/list/{system}/", list_images, methods=["GET"]),
    Route("/api/queue/{system}", queue, methods=["GET"]),
    Route("/api/queue/{system}/", queue, methods=["GET"]),
    Route("/api/lookup/{system}/{kind}/{tag:path}", look_up, methods=["GET"]),
    Route("/api/pull/{system}/{kind}/{tag:path}", pull, methods=["POST"]),
]
