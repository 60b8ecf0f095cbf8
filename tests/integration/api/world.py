"""What the other services would have done: images that stand, pulls that end, time that passes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from imagegw.domain import images, pulls, tags
from imagegw.domain.acl import Acl
from imagegw.domain.images import Delivery, Placing
from imagegw.domain.pulls import Link
from imagegw.domain.records import DeliveredFile, FileRef, Image, Pull, RunConfig, Source, image_key
from imagegw.errors import ManifestUnknown
from imagegw.pipeline.desk import Desk
from imagegw.retry import failure_of

LABELS = (("status", "FAILURE"), ("maintainer", "me"))


def stand(
    desk: Desk,
    image_id: str,
    *tag_names: str,
    platform: str = "one",
    acl: Acl | None = None,
    uid: int = 1000,
) -> Image:
    """A READY image with tags, pulled just now by *uid*; with an ACL a private one."""
    now, key = desk.now(), image_key(platform, image_id)
    placing = Placing(platform=platform, image_id=image_id, artifact="made", manifest_digest="sha256:1")
    desk.insert(images.new(placing, public=acl is None, acl=acl))
    delivery = Delivery(
        pin=FileRef(digest="sha256:2", size_bytes=4096),
        file=DeliveredFile(size_bytes=4096, mtime_s=1.0),
        acl=acl,
        acl_version=1,
        run_config=RunConfig(env=("PATH=/bin",), entrypoint=("/bin/sh",), labels=LABELS),
        remarks=(),
    )
    desk.change(Image, key, lambda image: images.end_deliver(image, delivery, now))
    desk.change(Image, key, lambda image: images.touch(image, now + timedelta(days=90), uid, now))
    for name in tag_names:
        tag_it(desk, key, name, uid=uid, public=acl is None)
    return read_image(desk, key)


def read_image(desk: Desk, key: str) -> Image:
    """An image that is there."""
    image = desk.read(Image, key)
    if image is None:
        raise LookupError(key)
    return image


def tag_it(desk: Desk, key: str, name: str, *, uid: int = 1000, public: bool = True) -> None:
    """One tag more for an image."""
    image = read_image(desk, key)
    pull = attempt(desk, name, platform=image.platform, uid=uid, public=public)
    desk.insert(tags.new(pull, image, desk.now()))


def attempt(desk: Desk, name: str, *, platform: str = "one", uid: int = 1000, public: bool | None = None) -> Pull:
    """A pull that is in no database."""
    return Pull(
        id=desk.new_id(),
        platform=platform,
        type="docker",
        tag=name,
        uid=uid,
        gid=uid,
        user="somebody",
        created=desk.now(),
        deadline=desk.now() + timedelta(days=1),
        live=True,
        public=public,
        source=Source(location="", repository=name.partition(":")[0]),
    )


def only_pull(desk: Desk, **query: Any) -> Pull:
    """The one pull that there is."""
    (pull,) = desk.find(Pull, query)
    return pull


def fail(desk: Desk, pull: Pull, sentence: str = "docker.io has no such image") -> None:
    """The pull ends without its image."""
    failure = failure_of(ManifestUnknown(sentence))
    desk.change(Pull, pull.id, lambda current: pulls.fail(current, failure, desk.now()))


def link(desk: Desk, pull: Pull, image_id: str, *, public: bool = True) -> None:
    """The pull's reference was resolved."""
    found = Link(
        source=Source(location="", repository="library/x"),
        digest=f"sha256:{image_id}",
        manifest_digest="sha256:1",
        public=public,
        resolved_at=desk.now(),
        artifact="made",
        image=image_key(pull.platform, image_id),
    )
    desk.change(Pull, pull.id, lambda current: pulls.link(current, found))


def succeed(desk: Desk, pull: Pull, image_id: str = "ab") -> None:
    """The pull ends with its image there and its tag on it."""
    link(desk, pull, image_id)
    if desk.read(Image, image_key(pull.platform, image_id)) is None:
        stand(desk, image_id, pull.tag, platform=pull.platform, uid=pull.uid)
    desk.change(Pull, pull.id, lambda current: pulls.finish(current, desk.now()))


def let_pass(desk: Desk, seconds: float) -> None:
    """All that the database remembers happened so much earlier."""
    ago = timedelta(seconds=seconds)
    times = {
        "owed": ("written",),
        "pulls": ("created", "ended", "resolved_at"),
        "tags": ("resolved_at",),
        "images": ("last_pull", "expires"),
    }
    for name, fields in times.items():
        collection = getattr(desk.database, name)
        for document in collection.find({}):
            earlier = {each: document[each] - ago for each in fields if each in document}
            if "answers" in document:
                earlier["answers"] = [{**each, "at": each["at"] - ago} for each in document["answers"]]
            collection.update({"_id": document["_id"]}, {"$set": earlier})
