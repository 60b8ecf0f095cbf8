"""`/api/v1`: resources and verbs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import SecretStr

from imagegw.domain.acl import Acl
from imagegw.domain.records import Artifact, Image, Pull
from imagegw.domain.reference import parse_reference
from imagegw.errors import NotFound
from imagegw.mongo.documents import as_record
from imagegw.mongo.port import Document
from imagegw_api import looking
from imagegw_api.api import Api, api_of, caller_of
from imagegw_api.auth.caller import Caller
from imagegw_api.failures import PROBLEM_TYPE, V1
from imagegw_api.models import (
    Images,
    NewPull,
    Platforms,
    PlatformShown,
    PullExplained,
    Pulls,
    PullShown,
)
from imagegw_api.pulling import Ask, check_platform, check_reference
from imagegw_api.showing import explain_pull, show_image, show_pull
from imagegw_api.visibility import is_admin

LONGEST_WAIT_S = 60.0


def _problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {PROBLEM_TYPE: {"schema": schema}}
    return {int(status): {"description": status.phrase, "content": content} for status in statuses}


_ALWAYS = _problems(HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
_NOT_FOUND = _problems(HTTPStatus.NOT_FOUND)

TheApi = Annotated[Api, Depends(api_of)]
TheCaller = Annotated[Caller, Depends(caller_of)]
PullId = Annotated[str, Path(min_length=1, max_length=64, examples=["3f2b8c0f5d6e4a7b9c1d2e3f4a5b6c7d"])]
PlatformName = Annotated[str, Query(min_length=1, max_length=256, examples=["mycluster"])]

router = APIRouter(prefix=V1, responses=_ALWAYS)


@router.post(
    "/pulls",
    status_code=HTTPStatus.ACCEPTED,
    responses=_problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)
async def create_pull(
    new: NewPull,
    response: Response,
    api: TheApi,
    caller: TheCaller,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=128, pattern=r"^[!-~]+$")] = None,
) -> PullShown:
    """Pull an image to a platform.

    A pull of the same reference that the caller has under way already is answered instead of a second one, and
    so is the pull that was made with the same `Idempotency-Key`.
    """
    check_platform(api.settings, new.platform)
    wish = Acl(uids=tuple(new.allowed_uids), gids=tuple(new.allowed_gids))
    ask = Ask(
        caller=caller,
        platform=new.platform,
        tag=check_reference(api.settings, new.reference),
        wish=None if wish == Acl() else wish,
        logins=_logins(api, new),
        idempotency=None if idempotency_key is None else f"{caller.uid}:{idempotency_key}",
    )
    pull = await anyio.to_thread.run_sync(api.pulling.start, ask)
    response.headers["location"] = f"{V1}/pulls/{pull.id}"
    return show_pull(pull)


@router.get("/pulls/{pull_id}", responses=_NOT_FOUND)
async def get_pull(
    pull_id: PullId,
    api: TheApi,
    caller: TheCaller,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description="seconds to wait for a change")] = 0.0,
    since: Annotated[
        int | None, Query(ge=0, description="the `rev` that the caller knows; without it the present one")
    ] = None,
) -> PullExplained:
    """A pull with its progress and its history.

    With `wait`, the answer comes when the pull has changed or ended, and at the latest after so many seconds.
    """
    document = await _own_pull(api, caller, pull_id)
    known = document["rev"] if since is None else since
    if wait > 0 and document.get("live") and document["rev"] == known:
        await api.watcher.wait(pull_id, known, wait)
        document = await _own_pull(api, caller, pull_id)
    return await _explained(api, document)


@router.post("/pulls/{pull_id}/cancel", responses=_NOT_FOUND)
async def cancel_pull(pull_id: PullId, api: TheApi, caller: TheCaller) -> PullExplained:
    """End a pull. One that has ended stays as it is."""
    pull = as_record(Pull, await _own_pull(api, caller, pull_id))
    await anyio.to_thread.run_sync(api.pulling.cancel, pull)
    return await _explained(api, await _own_pull(api, caller, pull_id))


@router.get("/images", responses=_NOT_FOUND)
async def list_images(platform: PlatformName, api: TheApi, caller: TheCaller) -> Images:
    """The images on a platform that the caller may use."""
    check_platform(api.settings, platform)
    seen = await looking.list_images(api, caller, platform)
    return Images(images=[show_image(each) for each in seen])


@router.get("/queue", responses=_NOT_FOUND)
async def get_queue(platform: PlatformName, api: TheApi, caller: TheCaller) -> Pulls:
    """What is on its way to a platform, and what has failed lately; administrators see all of it."""
    check_platform(api.settings, platform)
    pulls = await looking.queue(api, caller, platform, is_admin=is_admin(api.settings, platform, caller))
    return Pulls(pulls=[show_pull(pull) for pull in pulls])


@router.get("/platforms")
async def list_platforms(api: TheApi, caller: TheCaller) -> Platforms:
    """The platforms that the gateway serves."""
    shown = [
        PlatformShown(name=name, architecture=found.architecture, is_admin=is_admin(api.settings, name, caller))
        for name, found in api.settings.platforms.items()
    ]
    return Platforms(platforms=shown)


def _logins(api: Api, new: NewPull) -> dict[str, SecretStr]:
    """The login, by the location that the reference means."""
    if new.login is None:
        return {}
    settings = api.settings
    reference = parse_reference(
        new.reference, locations=settings.locations, default_location=settings.default_location
    )
    login = f"{new.login.user}:{new.login.password.get_secret_value()}"
    return {reference.location: SecretStr(login)}


async def _own_pull(api: Api, caller: Caller, pull_id: str) -> Document:
    """The pull, if it is the caller's, or on a platform that they administer.

    Raises:
        NotFound: there is none, or it is not theirs; the two cannot be told apart.
    """
    document = await api.reader.read_document(Pull, pull_id)
    if document is None or not _is_own(api, caller, document):
        raise NotFound(f"you have no pull {pull_id[:64]!r}")
    return document


def _is_own(api: Api, caller: Caller, document: Document) -> bool:
    owner: int = document["uid"]
    return owner == caller.uid or is_admin(api.settings, document["platform"], caller)


async def _explained(api: Api, document: Document) -> PullExplained:
    artifact = await _document(api, Artifact, document.get("artifact"))
    image = await _document(api, Image, document.get("image"))
    return explain_pull(document, artifact, image)


async def _document(api: Api, kind: type[Artifact | Image], identity: str | None) -> Document | None:
    return None if identity is None else await api.reader.read_document(kind, identity)
