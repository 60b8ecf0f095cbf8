"""Apply `follow` to pulls, meet what it demands, and end pulls in the order that loses nothing."""

from __future__ import annotations

from datetime import timedelta

from imagegw.domain import artifacts, images, pulls, tags, work
from imagegw.domain.follow import Demand, Following, follow, restore
from imagegw.domain.patch import Patch
from imagegw.domain.records import Artifact, Failure, Image, Pull, Tag, Work, tag_key
from imagegw.domain.status import ImageState
from imagegw.mongo.change import Decide
from imagegw.mongo.port import Filter
from imagegw.pipeline.desk import Desk

_TURNS = 8
"""Demands met in a row for one pull; the keeper goes on after that, so that no fault can make a hot loop."""


def follow_pull(desk: Desk, pull_id: str, lifetime: timedelta) -> None:
    """Bring a pull to where its artifact and image are; *lifetime* is what a READY image gets from now on."""
    for _ in range(_TURNS):
        pull = desk.read(Pull, pull_id)
        if pull is None or not pull.live:
            return
        artifact = desk.read(Artifact, pull.artifact)
        following = follow(pull, artifact, desk.read(Image, pull.image))
        if not _meet(desk, pull, following, lifetime):
            return


def follow_all(desk: Desk, query: Filter, lifetime: timedelta) -> None:
    """Apply `follow` to the live pulls that match."""
    for pull in desk.find(Pull, {"live": True, **query}):
        follow_pull(desk, pull.id, lifetime)


def follow_artifact(desk: Desk, key: str, lifetime: timedelta) -> None:
    """An artifact has changed: tell the pulls that point to it, and the images that it restores."""
    follow_all(desk, {"artifact": key}, lifetime)
    for image in desk.find(Image, _restoring(key)):
        restore_image(desk, image.id, lifetime)


def follow_image(desk: Desk, image_id: str, lifetime: timedelta) -> None:
    """An image has changed: tell the pulls that point to it, and look after it if it lost its file."""
    follow_all(desk, {"image": image_id}, lifetime)
    restore_image(desk, image_id, lifetime)


def restore_image(desk: Desk, image_id: str, lifetime: timedelta) -> None:
    """Bring an image that lost its file to where its artifact is."""
    image = desk.read(Image, image_id)
    if image is None or not image.is_restoring or image.artifact is None:
        return
    following = restore(image, desk.read(Artifact, image.artifact))
    match following.demand:
        case Demand.FETCH:
            desk.change(Artifact, image.artifact, lambda artifact: artifacts.begin(artifact, desk.now()))
        case Demand.DELIVER:
            desk.change(Image, image_id, lambda i: images.begin(i, i.artifact, desk.now()))
        case Demand.FAIL if following.failure is not None:
            failure = following.failure
            desk.change(Image, image_id, lambda i: images.give_up_restoring(i, failure))
            follow_all(desk, {"image": image_id}, lifetime)


def give_up_restorings(desk: Desk, key: str, failure: Failure) -> None:
    """The artifact cannot be made on nobody's behalf: the images that wait for it are EXPIRED, and say why.

    The caller's ending tells the pulls that have joined meanwhile: they want their image anew.
    """
    for image in desk.find(Image, _restoring(key)):
        desk.change(Image, image.id, lambda image: images.give_up_restoring(image, failure))


def _restoring(key: str) -> Filter:
    return {"artifact": key, "state": str(ImageState.WANTED), "is_restoring": True}


def waiting_pulls(desk: Desk, key: str) -> list[Pull]:
    """Live pulls that point to the artifact, oldest first: whose logins a fetch may borrow."""
    return list(desk.find(Pull, {"live": True, "artifact": key}, sort=[("created", 1)]))


def is_awaited(desk: Desk, key: str) -> bool:
    """Whether anybody waits for the artifact: a live pull, or an image that lost its file."""
    pulls_waiting = desk.database.pulls.count({"live": True, "artifact": key})
    return pulls_waiting > 0 or desk.database.images.count(_restoring(key)) > 0


def rest(desk: Desk, held: Work) -> Decide[Artifact]:
    """The ending of a step that found nobody waiting: idle, or due again if somebody has come after all.

    Who waits is read after the artifact, whose `rev` every newcomer raises: so none is overlooked.
    """

    def decide(artifact: Artifact) -> Patch:
        if is_awaited(desk, artifact.id):
            return Patch(set={"work": work.hand_back(held, desk.now())}, message="wanted after all")
        return artifacts.go_idle()

    return decide


def end_pull(desk: Desk, pull_id: str, failure: Failure) -> None:
    """End a live pull as FAILURE and forget its login."""
    desk.change(Pull, pull_id, lambda pull: pulls.fail(pull, failure, desk.now()))
    desk.database.secrets.delete({"_id": pull_id})


def _meet(desk: Desk, pull: Pull, following: Following, lifetime: timedelta) -> bool:
    """Do what is demanded; whether to look again at once, since the demand could not be met as it stood."""
    status = following.status
    if status is not None and following.demand is not Demand.FAIL:
        desk.change(Pull, pull.id, lambda pull: pulls.move(pull, status))
    match following.demand:
        case Demand.FETCH if pull.artifact is not None:
            desk.change(Artifact, pull.artifact, lambda artifact: artifacts.begin(artifact, desk.now()))
        case Demand.WANT if pull.image is not None:
            return desk.change(Image, pull.image, images.want).patch is not None
        case Demand.DELIVER if pull.image is not None:
            desk.change(Image, pull.image, lambda image: images.begin(image, pull.artifact, desk.now()))
        case Demand.FINISH if pull.image is not None:
            return not _finish(desk, pull, pull.image, lifetime)
        case Demand.FAIL if following.failure is not None:
            end_pull(desk, pull.id, following.failure)
    return False


def _finish(desk: Desk, pull: Pull, image_id: str, lifetime: timedelta) -> bool:
    """Tag, expiry, pull, in this order; False if the image has left READY meanwhile."""
    now = desk.now()
    image = desk.read(Image, image_id)
    if image is None:
        return False
    _point_tag(desk, pull, image)
    touched = desk.change(Image, image_id, lambda image: images.touch(image, now + lifetime, pull.uid, now))
    if touched.patch is None:
        return False
    desk.change(Pull, pull.id, lambda pull: pulls.finish(pull, now))
    desk.database.secrets.delete({"_id": pull.id})
    return True


def _point_tag(desk: Desk, pull: Pull, image: Image) -> None:
    resolved_at = pull.created if pull.resolved_at is None else pull.resolved_at
    key = tag_key(pull.platform, pull.type, pull.tag)
    while not desk.insert(tags.new(pull, image, resolved_at)):
        outcome = desk.change(Tag, key, lambda tag: tags.point(tag, pull, image, resolved_at))
        if outcome.record is not None:
            return
