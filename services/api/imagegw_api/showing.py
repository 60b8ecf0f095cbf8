"""Records as `/api/v1` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagegw.domain.records import Image, Progress, Pull
from imagegw.domain.status import PullStatus
from imagegw.mongo.documents import as_record
from imagegw.mongo.port import Document
from imagegw_api.looking import Seen
from imagegw_api.models import EntryShown, ErrorShown, ImageShown, ProgressShown, PullExplained, PullShown

_MAKING = frozenset({PullStatus.PULLING, PullStatus.CONVERSION, PullStatus.EXAMINATION})


def show_pull(pull: Pull) -> PullShown:
    """A pull by itself."""
    return PullShown(**_fields(pull), progress=_progress(pull.progress), status_message=pull.status_message)


def explain_pull(document: Document, artifact: Document | None, image: Document | None) -> PullExplained:
    """A pull with its history, and with the progress and the troubles of what it follows."""
    pull = as_record(Pull, document)
    followed = _followed(pull, artifact, image)
    progress = ProgressShown(**_complete(followed["progress"])) if "progress" in followed else None
    reason = pull.status_message or (followed.get("status_message") if pull.live else None)
    return PullExplained(
        **_fields(pull),
        progress=progress,
        status_message=reason,
        history=[_entry(entry) for entry in document.get("history", ())],
    )


def show_image(seen: Seen) -> ImageShown:
    """An image with those of its tags that the caller may see."""
    image: Image = seen.image
    return ImageShown(
        platform=image.platform,
        id=image.image_id,
        type="custom" if seen.kind == "custom" else "docker",
        tags=sorted(tag.tag for tag in seen.tags),
        public=image.acl is None,
        allowed_uids=[] if image.acl is None else list(image.acl.uids),
        allowed_gids=[] if image.acl is None else list(image.acl.gids),
        size_bytes=None if image.pin is None else image.pin.size_bytes,
        last_pull=image.last_pull,
        expires=image.expires,
    )


def _followed(pull: Pull, artifact: Document | None, image: Document | None) -> Mapping[str, Any]:
    """The document whose step is the one that the pull waits for."""
    if not pull.live:
        return {}
    chosen = artifact if pull.status in _MAKING else image if pull.status is PullStatus.TRANSFER else None
    return {} if chosen is None else chosen


def _fields(pull: Pull) -> dict[str, Any]:
    error = pull.error
    return {
        "id": pull.id,
        "rev": pull.rev,
        "platform": pull.platform,
        "type": pull.type,
        "reference": pull.tag,
        "user": pull.user,
        "uid": pull.uid,
        "status": str(pull.status),
        "error": None
        if error is None
        else ErrorShown(code=error.code, message=error.message, hint=error.hint, can_retry=error.can_retry),
        "digest": pull.digest,
        "image_id": None if pull.image is None else pull.image.rpartition(":")[2],
        "created": pull.created,
        "deadline": pull.deadline,
        "ended": pull.ended,
    }


def _progress(progress: Progress | None) -> ProgressShown | None:
    if progress is None:
        return None
    return ProgressShown(
        done_bytes=progress.done_bytes,
        total_bytes=progress.total_bytes,
        rate_bytes_per_s=progress.rate_bytes_per_s,
    )


def _complete(progress: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in a document, where what is not known is left out."""
    return {name: progress.get(name) for name in ("done_bytes", "total_bytes", "rate_bytes_per_s")}


def _entry(entry: Mapping[str, Any]) -> EntryShown:
    return EntryShown(
        at=entry["at"], status=entry["status"], message=entry.get("message"), host=entry.get("host", "")
    )
