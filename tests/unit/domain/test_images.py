"""An image as pulls join it, as it is delivered, used, expired and removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from imagegw.domain import images
from imagegw.domain.acl import Acl
from imagegw.domain.expiry import UNTAGGED_S
from imagegw.domain.images import Delivery
from imagegw.domain.records import DeliveredFile, FileRef, Work
from imagegw.domain.status import ImageState, Step
from imagegw.domain.work import due, due_at
from tests.support.records import FAILURE, NOW, PLACING, an_image

DAY = timedelta(days=1)
DELIVER = due(Step.DELIVER, NOW)
WISH = Acl(uids=(7,))
DONE = Delivery(
    pin=FileRef(digest="sha256:ef", size_bytes=4096),
    file=DeliveredFile(size_bytes=4096, mtime_s=0.0),
    acl=None,
    acl_version=1,
    run_config=None,
    remarks=(),
)
READY = an_image(ImageState.READY, acl_version=1, expires=NOW + DAY)


def held(step: Step) -> Work:
    return replace(due(step, NOW), claim="claim")


# --- joining --------------------------------------------------------------------------------------------------


def test_another_wish_raises_the_version_of_the_acl_that_is_wanted() -> None:
    patch = images.join(an_image(), PLACING, public=False, acl=WISH, now=NOW)

    assert (patch.set["acl_wanted"], patch.set["acl_wanted_version"]) == (WISH, 2)


def test_the_same_wish_leaves_the_version() -> None:
    patch = images.join(READY, PLACING, public=False, acl=None, now=NOW)

    assert patch.set["acl_wanted_version"] == 1
    assert "work" not in patch.set


def test_another_wish_for_a_ready_image_makes_its_metadata_due() -> None:
    patch = images.join(READY, PLACING, public=False, acl=WISH, now=NOW)

    assert patch.set["work"] == DELIVER
    assert "state" not in patch.set


def test_an_image_that_once_was_public_stays_so() -> None:
    patch = images.join(an_image(public=True), PLACING, public=False, acl=None, now=NOW)

    assert patch.set["public"] is True


def test_a_pull_that_joins_a_delivery_that_was_put_off_has_it_tried_at_once() -> None:
    waiting = an_image(ImageState.DELIVER, work=replace(due_at(Step.DELIVER, NOW + DAY), attempts=4))

    patch = images.join(waiting, PLACING, public=False, acl=None, now=NOW)

    assert patch.set["work"].due == NOW
    assert patch.set["work"].attempts == 4


def test_a_pull_that_joins_a_delivery_that_is_held_leaves_it_to_its_holder() -> None:
    under_way = an_image(ImageState.DELIVER, work=replace(held(Step.DELIVER), due=NOW + DAY))

    assert "work" not in images.join(under_way, PLACING, public=False, acl=None, now=NOW).set


def test_while_a_removal_is_held_only_the_wish_is_written() -> None:
    expiring = an_image(ImageState.EXPIRING, work=held(Step.REMOVE))
    patch = images.join(expiring, PLACING, public=False, acl=None, now=NOW)

    assert (patch.set["is_wanted"], patch.set["round"]) == (True, 2)
    assert not {"state", "work"} & set(patch.set)


def test_a_removal_that_waits_for_its_time_becomes_a_delivery() -> None:
    expiring = an_image(ImageState.EXPIRING, work=due_at(Step.REMOVE, NOW + DAY), is_meta_removed=True)
    patch = images.join(expiring, PLACING, public=False, acl=None, now=NOW)

    assert (patch.set["state"], patch.set["work"]) == (ImageState.DELIVER, DELIVER)
    assert patch.set["is_meta_removed"] is False


@pytest.mark.parametrize("state", [ImageState.EXPIRED, ImageState.FAILED])
def test_what_is_gone_or_has_failed_is_wanted_in_the_next_round(state: ImageState) -> None:
    patch = images.join(an_image(state, error=FAILURE), PLACING, public=False, acl=None, now=NOW)

    assert (patch.set["state"], patch.set["round"]) == (ImageState.WANTED, 2)
    assert "error" in patch.unset


# --- delivering -----------------------------------------------------------------------------------------------


def test_a_delivery_begins_when_the_artifact_is_made() -> None:
    patch = images.begin(an_image(artifact="old"), "key", NOW)

    assert patch is not None
    assert (patch.set["state"], patch.set["artifact"], patch.set["work"]) == (ImageState.DELIVER, "key", DELIVER)


def test_a_ready_image_with_the_acl_that_is_wanted_is_not_delivered_again() -> None:
    assert images.begin(READY, "key", NOW) is None


def test_a_ready_image_with_an_older_acl_is() -> None:
    patch = images.begin(replace(READY, acl_wanted_version=2), "key", NOW)

    assert patch is not None
    assert dict(patch.set) == {"work": DELIVER}


@pytest.mark.parametrize("expires", [None, NOW - DAY, NOW + timedelta(seconds=1)], ids=["new", "over", "soon"])
def test_a_delivered_image_stays_for_the_minute_in_which_its_pulls_push_it_out(
    expires: datetime | None,
) -> None:
    patch = images.end_deliver(an_image(ImageState.DELIVER, expires=expires), DONE, NOW)
    ready = an_image(ImageState.READY, expires=patch.set["expires"])

    assert patch.set["expires"] == NOW + timedelta(seconds=UNTAGGED_S)
    assert images.expire(ready, NOW + timedelta(seconds=UNTAGGED_S)) is None


def test_a_delivery_never_takes_time_from_an_image() -> None:
    patch = images.end_deliver(replace(READY, state=ImageState.DELIVER), DONE, NOW)

    assert patch.set["expires"] == READY.expires


def test_a_delivery_ends_its_work() -> None:
    patch = images.end_deliver(an_image(ImageState.DELIVER), DONE, NOW)

    assert (patch.set["state"], patch.set["work"]) == (ImageState.READY, None)


def test_a_wish_that_came_meanwhile_makes_the_next_delivery_due() -> None:
    patch = images.end_deliver(an_image(ImageState.DELIVER, acl_wanted_version=2), DONE, NOW)

    assert (patch.set["state"], patch.set["acl_version"], patch.set["work"]) == (ImageState.READY, 1, DELIVER)


# --- failing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Step.DELIVER, Step.REMOVE])
def test_a_failed_step_fails_the_image_also_when_it_stood_on_the_platform(step: Step) -> None:
    state = ImageState.READY if step is Step.DELIVER else ImageState.EXPIRING
    patch = images.fail(an_image(state, work=held(step)), FAILURE, NOW)

    assert (patch.set["state"], patch.set["error"]) == (ImageState.FAILED, FAILURE)
    assert "work" in patch.unset


def test_a_failed_removal_is_none_of_a_pull_that_came_meanwhile() -> None:
    expiring = an_image(ImageState.EXPIRING, work=held(Step.REMOVE), is_wanted=True)
    patch = images.fail(expiring, FAILURE, NOW)

    assert (patch.set["state"], patch.set["work"]) == (ImageState.DELIVER, DELIVER)
    assert "error" not in patch.set


# --- a file that is lost --------------------------------------------------------------------------------------


def test_a_missing_file_takes_a_ready_image_out_of_ready_at_once() -> None:
    patch = images.miss(READY, NOW)

    assert patch is not None
    assert (patch.set["state"], patch.set["is_restoring"]) == (ImageState.DELIVER, True)
    assert "file" in patch.unset


def test_a_file_that_a_holder_is_writing_is_not_missing() -> None:
    assert images.miss(replace(READY, work=held(Step.DELIVER)), NOW) is None


def test_an_image_that_cannot_be_restored_expires_with_the_reason() -> None:
    patch = images.give_up_restoring(an_image(is_restoring=True), FAILURE)

    assert patch is not None
    assert (patch.set["state"], patch.set["error"]) == (ImageState.EXPIRED, FAILURE)
    assert {"pin", "file"} <= set(patch.unset)


def test_an_image_that_a_pull_waits_for_is_not_given_up() -> None:
    assert images.give_up_restoring(an_image(is_restoring=False), FAILURE) is None


# --- use and expiry -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [state for state in ImageState if state is not ImageState.READY])
def test_only_a_ready_image_is_used_pulled_or_expired(state: ImageState) -> None:
    image = an_image(state, expires=NOW - DAY)

    assert images.use(image, NOW + DAY) is None
    assert images.touch(image, NOW + DAY, 1000, NOW) is None
    assert images.expire(image, NOW) is None
    assert images.expire_soon(image, NOW) is None


def test_a_use_never_takes_time_from_an_image() -> None:
    patch = images.use(READY, NOW)

    assert patch is not None
    assert patch.set["expires"] == READY.expires


def test_a_pull_is_remembered_once_a_user() -> None:
    patch = images.touch(replace(READY, pullers=(1000,)), NOW + DAY, 1000, NOW)

    assert patch is not None
    assert patch.set["pullers"] == (1000,)


def test_an_image_expires_after_its_time_not_at_it() -> None:
    at = NOW + DAY

    assert images.expire(READY, at) is None
    assert images.expire(READY, at + timedelta(milliseconds=1)) is not None


def test_an_image_with_work_in_hand_is_looked_at_the_next_time() -> None:
    assert images.expire(replace(READY, work=DELIVER), NOW + 2 * DAY) is None


def test_the_loss_of_the_last_tag_only_hastens() -> None:
    assert images.expire_soon(READY, NOW + 2 * DAY) is None
    assert images.expire_soon(READY, NOW) is not None


# --- removing -------------------------------------------------------------------------------------------------


def test_the_file_waits_for_the_removal_delay() -> None:
    patch = images.end_remove_meta(an_image(ImageState.EXPIRING), DAY, NOW)

    assert (patch.set["is_meta_removed"], patch.set["work"]) == (True, due_at(Step.REMOVE, NOW + DAY))


def test_the_pin_goes_with_the_file() -> None:
    patch = images.end_remove_file(an_image(ImageState.EXPIRING), NOW)

    assert patch.set["state"] is ImageState.EXPIRED
    assert {"pin", "file", "work"} <= set(patch.unset)


def test_what_was_wanted_while_its_metadata_was_removed_is_delivered_over_the_file_that_stands() -> None:
    patch = images.end_remove_meta(an_image(ImageState.EXPIRING, is_wanted=True), DAY, NOW)

    assert (patch.set["state"], patch.set["work"], patch.unset) == (ImageState.DELIVER, DELIVER, ())


def test_what_was_wanted_while_its_file_was_removed_is_pinned_anew() -> None:
    patch = images.end_remove_file(an_image(ImageState.EXPIRING, is_wanted=True), NOW)

    assert (patch.set["state"], patch.set["work"], patch.unset) == (ImageState.DELIVER, DELIVER, ("pin", "file"))
