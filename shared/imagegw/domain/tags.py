"""Tags: the newest resolution holds the tag, and who may see it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from imagegw.domain.acl import admits
from imagegw.domain.patch import Patch
from imagegw.domain.records import Image, Pull, Tag, tag_key


def repository_name(pull: Pull) -> str:
    """Location and repository in one word, for comparing; an import has its path."""
    if pull.source is None:
        return f"import:{pull.import_path}"
    return f"{pull.source.location}/{pull.source.repository}"


def new(pull: Pull, image: Image, resolved_at: datetime) -> Tag:
    """The tag that *pull* makes where there is none."""
    kind: Literal["docker", "custom"] = pull.type
    return Tag(
        id=tag_key(pull.platform, pull.type, pull.tag),
        platform=pull.platform,
        type=kind,
        tag=pull.tag,
        image=image.id,
        digest=image.image_id,
        manifest_digest=image.manifest_digest,
        repository=repository_name(pull),
        public=bool(pull.public),
        readers=(pull.uid,),
        resolved_at=resolved_at,
    )


def point(tag: Tag, pull: Pull, image: Image, resolved_at: datetime) -> Patch | None:
    """Let the tag stand for *image*, unless a newer resolution holds it.

    Whoever has proved access to the same repository stays among the readers; those of another repository go.
    """
    same = tag.repository == repository_name(pull)
    readers = _with(tag.readers, pull.uid) if same else (pull.uid,)
    if tag.resolved_at >= resolved_at:
        if same and readers != tag.readers:
            return Patch(set={"readers": readers}, message="one reader more")
        return None
    return Patch(
        set={
            "image": image.id,
            "digest": image.image_id,
            "manifest_digest": image.manifest_digest,
            "repository": repository_name(pull),
            "public": bool(pull.public),
            "readers": readers,
            "resolved_at": resolved_at,
        },
        message=f"stands for {image.image_id}",
    )


def _with(readers: tuple[int, ...], uid: int) -> tuple[int, ...]:
    return readers if uid in readers else (*readers, uid)


def is_visible(tag: Tag, image: Image, uid: int, gids: tuple[int, ...]) -> bool:
    """Whether a caller may know that *tag* names *image*.

    An image that stands in a public and in a private repository must not give the private one's name away.
    """
    if tag.public or uid in tag.readers:
        return True
    return not image.public and image.acl is not None and admits(image.acl, uid, gids)


def may_use(image: Image, uid: int, gids: tuple[int, ...]) -> bool:
    """Whether a caller may use the image at all."""
    return image.acl is None or admits(image.acl, uid, gids)
