"""Records, the queue and errors as deployed clients read them.

Everything is always there, and nothing is ever null: what is not known is "MISSING". `status` stands before
what comes from an image, since some clients look for the first line that has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from imagegw.domain.acl import Acl
from imagegw.domain.records import Image, Pull, RunConfig, Tag
from imagegw.domain.status import PullStatus

MISSING = "MISSING"

WireRecord = dict[str, Any]


def of_image(image: Image, tags: Sequence[Tag], *, kind: str) -> WireRecord:
    """The record of an image that is there, with those of its tags that the caller may see."""
    return {
        "id": image.image_id,
        "system": image.platform,
        "itype": kind,
        "tag": [tag.tag for tag in tags],
        "status": str(image.state),
        **_of_acl(image.acl),
        **_of_run_config(image.run_config),
        **_of_time(image.last_pull),
        **_of_message(image.status_message),
    }


def of_pull(pull: Pull, reason: str | None = None) -> WireRecord:
    """The record of an attempt; *reason* is what keeps it waiting, where it does not say so itself."""
    message = pull.error.message if pull.error is not None else pull.status_message
    return {
        "id": MISSING if pull.image is None else pull.image.rpartition(":")[2],
        "system": pull.platform,
        "itype": pull.type,
        "tag": [pull.tag] if pull.status is PullStatus.READY else [],
        "status": str(pull.status),
        **_of_acl(pull.wish),
        **_of_run_config(None),
        **_of_time(pull.ended),
        **_of_message(reason if message is None else message),
    }


def unknown(platform: str, kind: str, reason: str) -> WireRecord:
    """The record of an attempt of which nothing can be said now: clients ask again."""
    return {
        "id": MISSING,
        "system": platform,
        "itype": kind,
        "tag": [],
        "status": MISSING,
        **_of_acl(None),
        **_of_run_config(None),
        **_of_time(None),
        **_of_message(reason),
    }


def in_queue(pull: Pull) -> dict[str, str]:
    """A pull's line in the queue."""
    return {"status": str(pull.status), "image": pull.tag}


def of_error(status: int, code: str, message: str) -> dict[str, Any]:
    """The body of an error; `status` must be its last key, and its line short."""
    return {"error": code, "message": message, "status": status}


def _of_acl(acl: Acl | None) -> dict[str, list[int]]:
    return {
        "userACL": [] if acl is None else list(acl.uids),
        "groupACL": [] if acl is None else list(acl.gids),
    }


def _of_run_config(run_config: RunConfig | None) -> dict[str, Any]:
    if run_config is None:
        return dict.fromkeys(("ENV", "ENTRY", "WORKDIR", "LABELS"), MISSING)
    return {
        "ENV": list(run_config.env),
        "ENTRY": MISSING if run_config.entrypoint is None else list(run_config.entrypoint),
        "WORKDIR": MISSING if run_config.workdir is None else run_config.workdir,
        "LABELS": dict(run_config.labels),
    }


def _of_time(last_pull: datetime | None) -> dict[str, float | str]:
    """Clients ignore a whole number here: a float always has a fraction."""
    return {"last_pull": MISSING if last_pull is None else last_pull.timestamp()}


def _of_message(message: str | None) -> dict[str, str]:
    return {"status_message": MISSING if message is None else message}
