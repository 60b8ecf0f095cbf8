"""The answer to a POST for a pull: what it is owed, or what the state of its tag says."""

from __future__ import annotations

import anyio.to_thread

from imagegw.domain import asking
from imagegw.domain.asking import Asker, Join, Serve, Standing, Start, Tell
from imagegw.domain.records import Image, Pull, Tag
from imagegw.domain.status import ImageState, PullStatus
from imagegw.mongo import queries
from imagegw_api.api import Api
from imagegw_api.pulling import Ask
from imagegw_api.visibility import visible_tags
from imagegw_api.wire import records
from imagegw_api.wire.records import WireRecord


async def answer_pull(api: Api, ask: Ask) -> WireRecord:
    """The record that the POST is answered with; an answer in flight is owed its outcome.

    Raises:
        DatabaseAway: nothing can be said now.
    """
    owed = await _take_owed(api, ask)
    standing = Standing(newest=None, tag=None, image=None) if owed is not None else await _standing(api, ask)
    asker = Asker(uid=ask.caller.uid, gids=ask.caller.gids, wish=ask.wish)
    match asking.decide(owed, standing, asker, api.now(), api.settings.pull_update_timeout):
        case Serve(image=image):
            return await _of_image(api, ask, image)
        case Tell(pull=pull):
            return await _tell(api, ask, pull)
        case Join(pull=pull):
            return await _tell(api, ask, await anyio.to_thread.run_sync(api.pulling.join, pull, ask))
        case Start():
            return await _tell(api, ask, await anyio.to_thread.run_sync(api.pulling.start, ask))


def _key(ask: Ask) -> tuple[int, str, str, str]:
    return ask.caller.uid, ask.platform, ask.kind, ask.tag


async def _take_owed(api: Api, ask: Ask) -> Pull | None:
    """The attempt whose outcome this request takes; those that are long over are passed by."""
    while True:
        taken = await api.reader.take_owed(_key(ask))
        if taken is None:
            return None
        pull = await api.reader.read(Pull, taken)
        if pull is not None and asking.is_owed(pull, api.now()):
            return pull


async def _standing(api: Api, ask: Ask) -> Standing:
    newest = await api.reader.newest_attempt(ask.platform, ask.kind, ask.tag, ask.caller.uid)
    tag = await api.reader.read_tag(ask.platform, ask.kind, ask.tag)
    image = None if tag is None else await api.reader.read(Image, tag.image)
    return Standing(newest=newest, tag=tag, image=image)


async def _tell(api: Api, ask: Ask, pull: Pull) -> WireRecord:
    if pull.live:
        reason = await api.reader.why_waiting(pull)
        await api.reader.owe(_key(ask), pull.id)
        return records.of_pull(pull, reason)
    if pull.status is not PullStatus.READY:
        return records.of_pull(pull)
    image = await api.reader.read(Image, pull.image)
    if image is None or image.state is not ImageState.READY:
        return records.of_pull(pull)
    return await _of_image(api, ask, image)


async def _of_image(api: Api, ask: Ask, image: Image) -> WireRecord:
    tags = await api.reader.find(Tag, queries.tags_of(image.id))
    seen = [tag for tag in visible_tags(image, tags, ask.caller) if tag.type == ask.kind]
    return records.of_image(image, seen, kind=ask.kind)
