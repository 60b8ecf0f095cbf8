"""The only recovery: what should have moved and has not is looked at, and said again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from imagegw.domain import admission, artifacts, images, pulls, work
from imagegw.domain.admission import Limits, Waiting
from imagegw.domain.patch import Patch
from imagegw.domain.records import Artifact, Failure, Image, Pull, Tag, Work
from imagegw.domain.status import ImageState
from imagegw.errors import DeadlineExceeded, WorkerCrashed
from imagegw.mongo.change import collection_of
from imagegw.pipeline.desk import KINDS, Desk
from imagegw.pipeline.following import end_pull, follow_artifact, follow_image, follow_pull, restore_image
from imagegw.retry import failure_of

_BATCH = 1000
"""Documents looked at in one sweep of one collection; the next sweep, a second later, takes the rest."""


def sweep(desk: Desk, lifetime: timedelta, *, frees_claims: bool) -> int:
    """Look at all work whose time to be looked at has come; returns how many documents that were.

    Args:
        desk: where.
        lifetime: what a READY image gets when a pull ends with it.
        frees_claims: False for a keeper that is new or has slept: holders may be alive and late.
    """
    seen = 0
    kinds: tuple[type[Pull | Artifact | Image], ...] = (Pull, Artifact, Image)
    for kind in kinds:
        for record in desk.find(kind, work.overdue(desk.now()), sort=[("work.wake", 1)], limit=_BATCH):
            seen += 1
            if record.work is None:
                continue
            if record.work.claim is None:
                _say_again(desk, record)
            elif frees_claims:
                _free(desk, record, record.work, lifetime)
    return seen


def _say_again(desk: Desk, record: Pull | Artifact | Image) -> None:
    if record.work is None:
        return
    query, update = work.nudge(record.id, record.work, desk.now())
    if collection_of(desk.database, type(record)).note(query, update):
        desk.announce_work(record)


def _free(desk: Desk, record: Pull | Artifact | Image, held: Work, lifetime: timedelta) -> None:
    """Take the step from a holder that has not renewed; claim and `wake` guard against a late renewal."""
    guard = {"work.claim": held.claim, "work.wake": held.wake}
    blamed = work.has_crashed_too_often(held)
    failure = _crashed(record, held)

    def freed(current: Pull | Artifact | Image) -> Patch | None:
        if current.work is None or current.work.claim != held.claim or current.work.wake != held.wake:
            return None
        if blamed:
            failed = _failed(current, failure, desk)
            return None if failed is None else replace(failed, guard=guard)
        return Patch(
            set={"work": work.free(current.work, desk.now())},
            message=f"{held.host} died in {held.step}",
            guard=guard,
        )

    match record:
        case Pull():
            desk.change(Pull, record.id, freed)
        case Artifact():
            desk.change(Artifact, record.id, freed)
        case Image():
            desk.change(Image, record.id, freed)
    if blamed:
        follow_changed(desk, record, lifetime)


def _failed(record: Pull | Artifact | Image, failure: Failure, desk: Desk) -> Patch | None:
    match record:
        case Pull():
            return pulls.fail(record, failure, desk.now())
        case Artifact():
            return artifacts.fail(failure)
        case Image():
            return images.fail(record, failure, desk.now())


def _crashed(record: Pull | Artifact | Image, held: Work) -> Failure:
    name = f"{KINDS[type(record)]} {record.id}"
    return failure_of(
        WorkerCrashed(f"{held.crashes + 1} workers in a row have died in the step {held.step} of {name}")
    )


def follow_changed(desk: Desk, record: Pull | Artifact | Image, lifetime: timedelta) -> None:
    """A document with work has changed: bring the pulls that are concerned to where it is."""
    match record:
        case Pull():
            follow_pull(desk, record.id, lifetime)
        case Artifact():
            follow_artifact(desk, record.id, lifetime)
        case Image():
            follow_image(desk, record.id, lifetime)


def follow_admitted(desk: Desk, lifetime: timedelta) -> None:
    """Apply `follow` to every admitted live pull, and end those that have waited longer than they may.

    Images that lost their file and wait for their artifact are looked after likewise.
    """
    for pull in desk.find(Pull, {"live": True, "admitted": {"$exists": True}}):
        if pulls.is_past_deadline(pull, desk.now()):
            end_pull(desk, pull.id, _late(desk, pull))
        else:
            follow_pull(desk, pull.id, lifetime)
    for image in desk.find(Image, {"state": str(ImageState.WANTED), "is_restoring": True}):
        restore_image(desk, image.id, lifetime)


def _late(desk: Desk, pull: Pull) -> Failure:
    """The deadline's failure, with the reason that kept the pull waiting."""
    artifact = desk.read(Artifact, pull.artifact)
    image = desk.read(Image, pull.image)
    reasons = [r.status_message for r in (image, artifact, pull) if r is not None and r.status_message]
    last = f"; last: {reasons[0]}" if reasons else ""
    hours = (pull.deadline - pull.created).total_seconds() / 3600
    return failure_of(DeadlineExceeded(f"{pull.tag} was not ready within {hours:g} h{last}"))


def admit(desk: Desk, limits: Limits) -> int:
    """Admit waiting pulls as far as there is room; returns how many."""
    waiting = [
        Waiting(id=pull.id, uid=pull.uid)
        for pull in desk.find(Pull, {"live": True, "admitted": {"$exists": False}}, sort=[("created", 1)])
    ]
    if not waiting:
        return 0
    counts: dict[int, int] = {}
    for pull in desk.find(Pull, {"live": True, "admitted": {"$exists": True}}):
        counts[pull.uid] = counts.get(pull.uid, 0) + 1
    chosen = admission.choose(waiting, counts, limits)
    for identity in chosen:
        desk.change(Pull, identity, lambda pull: pulls.admit(pull, desk.now()))
    return len(chosen)


def expire(desk: Desk) -> list[str]:
    """Expire images whose time is up; returns their keys. The only way to removal."""
    now = desk.now()
    ready = {"state": str(ImageState.READY), "expires": {"$lt": now}}
    return [
        image.id
        for image in desk.find(Image, ready, limit=_BATCH)
        if desk.change(Image, image.id, lambda image: images.expire(image, now)).patch is not None
    ]


def expire_tag(desk: Desk, key: str, untagged_after: timedelta) -> bool:
    """Delete a tag; the image goes soon if it was its last. Whether there was such a tag."""
    tag = desk.read(Tag, key)
    if tag is None:
        return False
    deleted = desk.database.tags.delete({"_id": key, "rev": tag.rev}) > 0
    if deleted:
        hasten_if_untagged(desk, tag.image, untagged_after)
    return deleted


def hasten_if_untagged(desk: Desk, image_id: str, after: timedelta) -> None:
    """Let an image expire soon if no tag stands for it, guarded by the rev that was read before the tags."""

    def decide(image: Image) -> Patch | None:
        if desk.database.tags.count({"image": image.id}) > 0:
            return None
        return images.expire_soon(image, desk.now() + after)

    desk.change(Image, image_id, decide)
