"""Reading for both APIs: an image by its tag, all images of a platform, the queue."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio.to_thread

from imagegw.domain import images
from imagegw.domain.expiry import is_push_due
from imagegw.domain.records import Image, Pull, Tag
from imagegw.domain.status import ImageState
from imagegw.errors import NotFound
from imagegw.mongo import queries
from imagegw.mongo.documents import as_record
from imagegw.mongo.port import Document
from imagegw_api.api import Api
from imagegw_api.auth.caller import Caller
from imagegw_api.visibility import visible_pulls, visible_tags

SHOW_FAILURES = timedelta(minutes=5)
"""How long the queue names a failure."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An image, and those of its tags of one type that the caller may see."""

    image: Image
    kind: str
    tags: list[Tag]


async def look_up(api: Api, caller: Caller, platform: str, kind: str, tag: str) -> Seen:
    """The READY image that a tag stands for, if the caller may use it. A use: its expiry is pushed out first.

    Raises:
        NotFound: there is none, or none for this caller; the two cannot be told apart.
    """
    missing = NotFound(f"{platform} has no image {tag[:200]!r} of type {kind[:20]!r} that you may use")
    found = await api.reader.read_tagged(platform, kind, tag)
    if found is None or found.image is None or found.image.state is not ImageState.READY:
        raise missing
    image = found.image
    seen = [each for each in visible_tags(image, found.same, caller) if each.type == kind]
    if found.tag.id not in {each.id for each in seen}:
        raise missing
    now = api.now()
    if not await _push_expiry(api, image, now):
        raise missing
    if api.settings.metrics:
        api.usage.add(caller, found.tag, image, now)
    return Seen(image=image, kind=kind, tags=seen)


async def _push_expiry(api: Api, image: Image, now: datetime) -> bool:
    """Whether the image is still there."""
    timeout = api.settings.image_expiration_timeout
    if not is_push_due(image.expires, now, timeout):
        return True
    outcome = await anyio.to_thread.run_sync(
        lambda: api.desk.change(Image, image.id, lambda current: images.use(current, now + timeout))
    )
    return outcome.patch is not None


async def list_images(api: Api, caller: Caller, platform: str) -> list[Seen]:
    """All READY images of a platform that the caller may use, by type; none without a tag that they may see."""
    documents, tags = await asyncio.gather(
        api.reader.find_raw(Image, queries.ready_on(platform)),
        api.reader.find_raw(Tag, queries.tags_on(platform)),
    )
    # Thousands of records take a while to make: not in the event loop.
    return await anyio.to_thread.run_sync(lambda: list(_group(documents, tags, caller)))


def _group(documents: list[Document], tag_documents: list[Document], caller: Caller) -> list[Seen]:
    by_image: dict[str, list[Tag]] = defaultdict(list)
    for document in tag_documents:
        tag = as_record(Tag, document)
        by_image[tag.image].append(tag)
    seen: list[Seen] = []
    for document in documents:
        image = as_record(Image, document)
        by_kind: dict[str, list[Tag]] = defaultdict(list)
        for tag in visible_tags(image, by_image[image.id], caller):
            by_kind[tag.type].append(tag)
        seen += [Seen(image=image, kind=kind, tags=tags) for kind, tags in by_kind.items()]
    return seen


async def queue(api: Api, caller: Caller, platform: str, *, is_admin: bool = False) -> list[Pull]:
    """Live pulls and recent failures that the caller may know of, oldest first."""
    pulls = await api.reader.queue(platform, api.now() - SHOW_FAILURES)
    if is_admin:
        return pulls
    unsure = {pull.image for pull in pulls if pull.image is not None and pull.public is False}
    found = await api.reader.find(Image, queries.these(sorted(unsure))) if unsure else []
    return visible_pulls(pulls, {image.id: image for image in found}, caller)
