"""What can happen to a pull, each as a decision on the pull as it was read. None: nothing to change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from imagegw.domain.acl import Acl
from imagegw.domain.patch import Patch
from imagegw.domain.records import Failure, Pull, Rounds, Source
from imagegw.domain.status import ENDS, PullStatus, Step, is_legal_for_pull
from imagegw.domain.work import due


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a pull's reference stands for, found out with the pull's own login."""

    source: Source
    digest: str
    manifest_digest: str
    public: bool
    resolved_at: datetime
    artifact: str
    image: str


def begin(pull: Pull, now: datetime) -> Pull:
    """A new pull that is admitted as it is made, since there is room."""
    step = Step.RESOLVE if pull.import_path is None else Step.IMPORT
    return replace(pull, status=PullStatus.PENDING, admitted=now, work=due(step, now))


def admit(pull: Pull, now: datetime) -> Patch | None:
    """A pull for which there is room: its reference may be resolved."""
    if not pull.live or pull.admitted is not None:
        return None
    step = Step.RESOLVE if pull.import_path is None else Step.IMPORT
    return Patch(set={"status": PullStatus.PENDING, "admitted": now, "work": due(step, now)}, is_event=True)


def link(pull: Pull, found: Link) -> Patch | None:
    """Written before what it points to is joined, so that whoever makes it sees the pull.

    A crash may leave an older link behind; the rounds that belonged to it go with it.
    """
    if not pull.live:
        return None
    return Patch(
        set={
            "source": found.source,
            "digest": found.digest,
            "manifest_digest": found.manifest_digest,
            "public": found.public,
            "resolved_at": found.resolved_at,
            "artifact": found.artifact,
            "image": found.image,
        },
        unset=("rounds",),
        message=f"resolved to {found.digest}",
    )


def end_resolve(pull: Pull, rounds: Rounds, *, wished: Acl | None, now: datetime) -> Patch | None:
    """The pull has joined artifact and image; from here on it follows them.

    *wished* is the ACL that it joined them with: if another is wished by now, it joins them again.
    """
    if not pull.live:
        return None
    if pull.wish != wished:
        return Patch(set={"work": due(Step.RESOLVE, now)}, message="another ACL is wished")
    return Patch(set={"rounds": rounds}, unset=("work", "status_message"), message="joined")


def replace_wish(pull: Pull, wish: Acl | None, now: datetime) -> Patch | None:
    """The requester wishes another ACL while the pull is live. No wish is no change.

    A pull that has joined its image joins it again, with this wish; the resolve step does both.
    """
    if not pull.live or wish is None or wish == pull.wish:
        return None
    if pull.rounds is None or pull.work is not None:
        return Patch(set={"wish": wish}, message="another ACL is wished")
    anew = {"wish": wish, "work": due(Step.RESOLVE, now)}
    return Patch(set=anew, unset=("rounds",), message="another ACL is wished")


def move(pull: Pull, status: PullStatus) -> Patch | None:
    """Follow what the pull points to; never backward, and never to an end, which is `finish`'s and `fail`'s."""
    if not pull.live or status in ENDS or not is_legal_for_pull(pull.status, status):
        return None
    return Patch(set={"status": status}, is_event=True)


def finish(pull: Pull, now: datetime) -> Patch | None:
    """The image is there, the tag stands for it, its expiry is pushed out: last of all, the pull is READY."""
    if not pull.live:
        return None
    ended = {"status": PullStatus.READY, "ended": now}
    return Patch(set=ended, unset=("live", "work", "progress", "status_message"), is_event=True)


def fail(pull: Pull, failure: Failure, now: datetime) -> Patch | None:
    """The pull ends without its image; also how a cancel ends it."""
    if not pull.live:
        return None
    return Patch(
        set={"status": PullStatus.FAILURE, "error": failure, "status_message": failure.message, "ended": now},
        unset=("live", "work", "progress"),
        message=failure.message,
        is_event=True,
    )


def is_past_deadline(pull: Pull, now: datetime) -> bool:
    """Whether a live pull has waited longer than it was given."""
    return bool(pull.live) and pull.deadline <= now
