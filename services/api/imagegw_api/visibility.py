"""Who may see what: pure rules over records and a caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from imagegw.config import Settings
from imagegw.domain import tags as tag_rules
from imagegw.domain.acl import admits
from imagegw.domain.records import Image, Pull, Tag
from imagegw_api.auth.caller import Caller


def is_admin(settings: Settings, platform: str, caller: Caller) -> bool:
    """Whether the caller administers a platform."""
    found = settings.platforms.get(platform)
    return found is not None and caller.user != "" and caller.user in found.admins


def visible_tags(image: Image, tags: Iterable[Tag], caller: Caller) -> list[Tag]:
    """Those of an image's tags that the caller may see; none if they may not use it."""
    if not tag_rules.may_use(image, caller.uid, caller.gids):
        return []
    return [tag for tag in tags if tag_rules.is_visible(tag, image, caller.uid, caller.gids)]


def may_see(pull: Pull, image: Image | None, caller: Caller) -> bool:
    """Whether the caller may know of somebody's pull.

    Until the registry has said whether the image is public, only its requester may; of a private one also whom
    its ACL will admit. The private repository of bytes that are public elsewhere stays its readers' own.
    """
    if pull.uid == caller.uid or pull.public:
        return True
    if pull.public is None or image is None or image.public or image.acl_wanted is None:
        return False
    return admits(image.acl_wanted, caller.uid, caller.gids)


def visible_pulls(pulls: Iterable[Pull], images: Mapping[str, Image], caller: Caller) -> list[Pull]:
    """Those of the pulls that the caller may know of."""
    return [pull for pull in pulls if may_see(pull, images.get(pull.image or ""), caller)]
