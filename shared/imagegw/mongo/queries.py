"""What is asked of the database by more than one kind of client: filters and orders as values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from imagegw.domain.status import ImageState, PullStatus

Query = dict[str, Any]

NEWEST_FIRST = (("created", -1),)
OLDEST_FIRST = (("created", 1),)


def attempts(platform: str, kind: str, tag: str, uid: int) -> Query:
    """All attempts of one requester for one typed tag."""
    return {"platform": platform, "type": kind, "tag": tag, "uid": uid}


def waiting() -> Query:
    """Pulls that are not admitted yet."""
    return {"live": True, "admitted": {"$exists": False}}


def admitted(uid: int | None = None) -> Query:
    """Pulls that are under way, of everybody or of one requester."""
    of_whom = {} if uid is None else {"uid": uid}
    return {"live": True, "admitted": {"$exists": True}, **of_whom}


def live_on(platform: str) -> Query:
    """Pulls of a platform that have not ended."""
    return {"live": True, "platform": platform}


def failed_since(platform: str, since: datetime) -> Query:
    """Pulls of a platform that have failed lately."""
    return {"platform": platform, "ended": {"$gte": since}, "status": str(PullStatus.FAILURE)}


def ready_on(platform: str) -> Query:
    """Images of a platform that can be used."""
    return {"platform": platform, "state": str(ImageState.READY)}


def tags_on(platform: str) -> Query:
    """All tags of a platform."""
    return {"platform": platform}


def tags_of(image: str) -> Query:
    """All tags that stand for one image."""
    return {"image": image}


def with_image(tag_key: str) -> list[Query]:
    """The pipeline over `tags` that finds a tag, its image as `images` and that one's tags as `same` in one go."""
    return [
        {"$match": {"_id": tag_key}},
        {"$lookup": {"from": "images", "localField": "image", "foreignField": "_id", "as": "images"}},
        {"$lookup": {"from": "tags", "localField": "image", "foreignField": "image", "as": "same"}},
        {"$project": {"history": 0, "images.history": 0, "same.history": 0}},
    ]


def these(identities: list[str]) -> Query:
    """The documents of those ids."""
    return {"_id": {"$in": identities}}
