"""What one request for a pull means, where asking and "how is it going" are the same call.

Deployed clients repeat one POST until its answer ends their wait, and nothing tells a repeat from a newcomer.
So every answer in flight is *owed* the outcome of its attempt; a request that is owed nothing follows the table
in `decide`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from imagegw.domain import tags
from imagegw.domain.acl import Acl, holds
from imagegw.domain.records import Image, Pull, Tag
from imagegw.domain.status import ImageState, PullStatus

TAKE_AFTER_S = 0.45
"""A client polls 0.5 s after an answer; a request that comes earlier after it is somebody else's."""
STALE_S = 5.0
"""Answers that nobody has come back for so long were to clients that are gone; they count as one."""
KEEP_S = 300.0
"""How long after its end an attempt's outcome is owed, for clients that poll slowly."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks, and the ACL that they wish for."""

    uid: int
    gids: Collection[int]
    wish: Acl | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What there is for a tag, as one requester sees it."""

    newest: Pull | None
    """The requester's own newest attempt, live or ended."""
    tag: Tag | None
    image: Image | None
    """What the tag stands for, in whatever state."""


@dataclass(frozen=True, kw_only=True)
class Tell:
    """Tell this attempt's state."""

    pull: Pull


@dataclass(frozen=True, kw_only=True)
class Join:
    """This live attempt is the requester's; what they wish for now replaces what was kept."""

    pull: Pull


@dataclass(frozen=True, kw_only=True)
class Serve:
    """The image is there, and the registry need not be asked."""

    tag: Tag
    image: Image


@dataclass(frozen=True, kw_only=True)
class Start:
    """A new attempt, checked by the requester's own logins."""


Meaning = Tell | Join | Serve | Start


def is_owed(pull: Pull, now: datetime) -> bool:
    """Whether the outcome of *pull* may still be taken by whom it is owed."""
    return pull.ended is None or now - pull.ended <= timedelta(seconds=KEEP_S)


def decide(owed: Pull | None, standing: Standing, asker: Asker, now: datetime, fresh_for: timedelta) -> Meaning:
    """What a request means; *owed* is the attempt whose outcome it takes, *fresh_for* `PullUpdateTimeout`.

    A failure of the requester's newest attempt means that they try again, even where another's pull has made
    the tag READY: lookup serves that meanwhile.
    """
    if owed is not None:
        return Tell(pull=owed)
    newest, tag, image = standing.newest, standing.tag, standing.image
    if newest is not None and newest.live:
        return Join(pull=newest)
    if newest is not None and newest.status is PullStatus.FAILURE:
        return Start()
    if tag is None or image is None or not _is_served(tag, image, asker):
        return Start()
    if now - _asked_at(newest, tag) >= fresh_for:
        return Start()
    return Serve(tag=tag, image=image)


def _is_served(tag: Tag, image: Image, asker: Asker) -> bool:
    """Whether the image stands as this asker wants it, for this asker."""
    if image.state is not ImageState.READY or tag.image != image.id:
        return False
    gids = tuple(asker.gids)
    if not tags.may_use(image, asker.uid, gids) or not tags.is_visible(tag, image, asker.uid, gids):
        return False
    return asker.wish is None or holds(image.acl, asker.wish, requester=asker.uid, public=image.public)


def _asked_at(newest: Pull | None, tag: Tag) -> datetime:
    """When the tag was last pulled, as far as this requester's attempts and the tag itself tell."""
    if newest is None or newest.ended is None or newest.image != tag.image:
        return tag.resolved_at
    return max(tag.resolved_at, newest.ended)
