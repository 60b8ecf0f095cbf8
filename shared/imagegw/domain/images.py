"""What can happen to an image, each as a decision on the image as it was read. None: nothing to change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from imagegw.domain.acl import Acl
from imagegw.domain.expiry import UNTAGGED_S
from imagegw.domain.patch import Patch
from imagegw.domain.records import DeliveredFile, Failure, FileRef, Image, RunConfig, image_key
from imagegw.domain.status import ImageState, Step
from imagegw.domain.work import due, due_at, hasten, is_held, is_put_off


@dataclass(frozen=True, kw_only=True)
class Placing:
    """Which image is to stand on which platform, made from what."""

    platform: str
    image_id: str
    artifact: str | None
    manifest_digest: str | None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a delivery found or wrote, after both files were looked at once more."""

    pin: FileRef
    file: DeliveredFile
    acl: Acl | None
    acl_version: int
    run_config: RunConfig | None
    remarks: Sequence[str]


def new(placing: Placing, *, public: bool, acl: Acl | None) -> Image:
    """An image that has never stood on this platform; it waits for its artifact."""
    return Image(
        id=image_key(placing.platform, placing.image_id),
        platform=placing.platform,
        image_id=placing.image_id,
        state=ImageState.WANTED,
        artifact=placing.artifact,
        manifest_digest=placing.manifest_digest,
        public=public,
        acl_wanted=acl,
    )


def join(image: Image, placing: Placing, *, public: bool, acl: Acl | None, now: datetime) -> Patch:
    """One more pull wants it there, with *acl* as the merge of all wishes so far.

    Always a change. While a claim stands only the wish is written: its holder's ending update then does not
    match, reads again, and decides the next step from the wish.
    """
    version = image.acl_wanted_version + (1 if acl != image.acl_wanted else 0)
    wish = {"acl_wanted": acl, "acl_wanted_version": version, "public": image.public or public}
    match image.state:
        case ImageState.READY if version > image.acl_version and image.work is None:
            return Patch(set={**wish, "work": due(Step.DELIVER, now)}, message="joined, ACL to be written")
        case ImageState.EXPIRING if is_held(image.work):
            return Patch(set={**wish, "is_wanted": True, "round": image.round + 1}, message="wanted again")
        case ImageState.EXPIRING:
            return Patch(set={**wish, **_delivery(image, now)}, unset=("error",), message="wanted again")
        case ImageState.EXPIRED | ImageState.FAILED:
            anew = {"state": ImageState.WANTED, "round": image.round + 1, **_made_from(placing)}
            return Patch(set={**wish, **anew}, unset=("error", "work", "status_message"), message="wanted again")
        case ImageState.WANTED:
            return Patch(set={**wish, **_made_from(placing)}, message="joined")
        case ImageState.DELIVER | ImageState.READY if image.work is not None and is_put_off(image.work, now):
            # Somebody asks anew: what kept the delivery waiting may be over, and looking costs little.
            return Patch(set={**wish, "work": hasten(image.work, now)}, message="joined, tried again at once")
        case _:
            return Patch(set=wish, message="joined")


def _made_from(placing: Placing) -> dict[str, object]:
    return {"artifact": placing.artifact, "manifest_digest": placing.manifest_digest}


def _delivery(image: Image, now: datetime) -> dict[str, object]:
    return {
        "state": ImageState.DELIVER,
        "round": image.round + 1,
        "is_meta_removed": False,
        "is_wanted": False,
        "work": due(Step.DELIVER, now),
    }


def begin(image: Image, artifact: str | None, now: datetime) -> Patch | None:
    """A live pull waits, and *artifact*, which it needs, is made: the delivery is due."""
    if image.state is ImageState.READY:
        if image.work is not None or image.acl_version >= image.acl_wanted_version:
            return None
        return Patch(set={"work": due(Step.DELIVER, now)}, message="ACL to be written")
    if image.state is ImageState.WANTED:
        return Patch(
            set={"state": ImageState.DELIVER, "artifact": artifact, "work": due(Step.DELIVER, now)},
            unset=("status_message",),
            message="delivery begins",
        )
    if image.state is ImageState.EXPIRING and not is_held(image.work):
        return Patch(set=_delivery(image, now), unset=("error",), message="delivery begins anew")
    if image.state is ImageState.EXPIRING and not image.is_wanted:
        return Patch(set={"is_wanted": True, "round": image.round + 1}, message="wanted again")
    return None


def want(image: Image) -> Patch | None:
    """A live pull waits for an image that has expired after the pull joined it."""
    if image.state is not ImageState.EXPIRED:
        return None
    return Patch(set={"state": ImageState.WANTED, "round": image.round + 1}, message="wanted again")


def end_deliver(image: Image, done: Delivery, now: datetime) -> Patch:
    """File and `.meta` stand. A wish that came meanwhile makes the next delivery due, of `.meta` alone.

    The image stays for the moment at least in which its pulls push the expiry out; if none of them is left to
    do so, it goes after that.
    """
    soon = now + timedelta(seconds=UNTAGGED_S)
    is_behind = image.acl_wanted_version > done.acl_version
    return Patch(
        set={
            "state": ImageState.READY,
            "pin": done.pin,
            "file": done.file,
            "acl": done.acl,
            "acl_version": done.acl_version,
            "run_config": done.run_config,
            "remarks": tuple(done.remarks),
            "is_restoring": False,
            "is_wanted": False,
            "expires": soon if image.expires is None else max(soon, image.expires),
            "work": due(Step.DELIVER, now) if is_behind else None,
        },
        unset=("error", "progress", "status_message"),
        message="delivered",
    )


def pin_file(image: Image, pin: FileRef) -> Patch:
    """Written before the first byte goes to the platform, where no file stands; so the image is not READY."""
    state = ImageState.DELIVER if image.state is ImageState.READY else image.state
    return Patch(set={"pin": pin, "state": state}, unset=("file",), message=f"pinned {pin.digest}")


def wait_for_artifact(image: Image) -> Patch:
    """The holder's ending when the store has lost the file: nothing can be delivered until it is made again.

    An image that was READY is restored, whether or not a pull waits for it.
    """
    return Patch(
        set={
            "state": ImageState.WANTED,
            "is_restoring": image.is_restoring or image.state is ImageState.READY,
        },
        unset=("work", "file", "progress", "status_message"),
        message="the store has lost the file",
    )


def miss(image: Image, now: datetime) -> Patch | None:
    """The platform's directory has lost a READY image's file: it leaves READY at once and is brought back."""
    if image.state is not ImageState.READY or is_held(image.work):
        return None
    return Patch(
        set={**_delivery(image, now), "is_restoring": True, "acl_version": 0},
        unset=("file",),
        message="its file is missing on the platform",
    )


def give_up_restoring(image: Image, failure: Failure) -> Patch | None:
    """Its file is gone and cannot be fetched on nobody's behalf: the next pull brings it back."""
    if image.state is not ImageState.WANTED or not image.is_restoring:
        return None
    return Patch(
        set={"state": ImageState.EXPIRED, "error": failure, "is_restoring": False},
        unset=("pin", "file", "work"),
        message=failure.message,
    )


def fail(image: Image, failure: Failure, now: datetime) -> Patch:
    """This round fails, and with it the pulls that have joined it or an earlier one.

    The failure of a removal is none of a pull that came meanwhile: its delivery begins.
    """
    if image.state is ImageState.EXPIRING and image.is_wanted:
        return _wanted_again(now)
    return Patch(
        set={"state": ImageState.FAILED, "error": failure, "is_restoring": False},
        unset=("work", "progress", "status_message"),
        message=failure.message,
    )


def touch(image: Image, expires: datetime, uid: int, now: datetime) -> Patch | None:
    """A pull ends with this image: its expiry moves out. None unless it is READY."""
    if image.state is not ImageState.READY:
        return None
    pullers = image.pullers if uid in image.pullers else (*image.pullers, uid)
    later = expires if image.expires is None else max(expires, image.expires)
    return Patch(set={"expires": later, "last_pull": now, "pullers": pullers}, message="pulled")


def use(image: Image, expires: datetime) -> Patch | None:
    """A lookup pushes the expiry out. None unless it is READY."""
    if image.state is not ImageState.READY:
        return None
    later = expires if image.expires is None else max(expires, image.expires)
    return Patch(set={"expires": later})


def expire_soon(image: Image, at: datetime) -> Patch | None:
    """An image that has lost its last tag expires *at*, guarded by the rev that was read with the tags."""
    if image.state is not ImageState.READY or (image.expires is not None and image.expires <= at):
        return None
    return Patch(set={"expires": at}, message="its last tag was removed")


def is_expired(image: Image, now: datetime) -> bool:
    """Whether a READY image has outlived its use. One with work in hand is looked at the next time."""
    ready = image.state is ImageState.READY and image.work is None
    return ready and image.expires is not None and image.expires < now


def expire(image: Image, now: datetime) -> Patch | None:
    """The only way to removal: `.meta` goes at once, the file after the removal delay."""
    if not is_expired(image, now):
        return None
    changed = {"state": ImageState.EXPIRING, "is_meta_removed": False, "work": due(Step.REMOVE, now)}
    return Patch(set=changed, message="expired")


def end_remove_meta(image: Image, delay: timedelta, now: datetime) -> Patch:
    """`.meta` is gone: no new job finds the image; running ones keep the file for the removal delay."""
    if image.is_wanted:
        return _wanted_again(now)
    return Patch(
        set={"is_meta_removed": True, "acl_version": 0, "work": due_at(Step.REMOVE, now + delay)},
        message="metadata removed",
    )


def end_remove_file(image: Image, now: datetime) -> Patch:
    """Nothing of the image stands on the platform; the pin goes with the file."""
    if image.is_wanted:
        return _wanted_again(now, unset=("pin", "file"))
    return Patch(
        set={"state": ImageState.EXPIRED, "acl_version": 0},
        unset=("pin", "file", "work", "status_message"),
        message="removed",
    )


def _wanted_again(now: datetime, unset: tuple[str, ...] = ()) -> Patch:
    return Patch(
        set={
            "state": ImageState.DELIVER,
            "is_wanted": False,
            "is_meta_removed": False,
            "acl_version": 0,
            "work": due(Step.DELIVER, now),
        },
        unset=unset,
        message="wanted again",
    )
