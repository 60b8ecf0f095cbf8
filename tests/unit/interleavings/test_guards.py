"""Each guard of the protocol is needed: taken out, some order of things breaks a promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from imagegw.domain import artifacts, images, pulls, tags, work
from imagegw.domain.follow import Demand, Following, follow
from imagegw.domain.patch import Patch, as_update
from imagegw.domain.records import Artifact, Image, Pull, Rounds, Tag, Work
from imagegw.mongo import change
from imagegw.pipeline import following, joining, performing, sweeping
from imagegw.pipeline.desk import Desk
from tests.unit.interleavings.scenario import Scenario
from tests.unit.interleavings.scenarios import acl, expiry, holders, removal
from tests.unit.interleavings.scenarios import joining as joins
from tests.unit.interleavings.scenarios import tags as tag_moves

Mutation = Callable[[pytest.MonkeyPatch], None]


def without_rev(patch: pytest.MonkeyPatch) -> None:
    def mutant(*args: Any) -> Any:
        query, update = as_update(*args)
        return {name: value for name, value in query.items() if name != "rev"}, update

    patch.setattr(change, "as_update", mutant)


def taking_what_is_held(patch: pytest.MonkeyPatch) -> None:
    original = work.take

    def mutant(*args: Any) -> Any:
        query, update = original(*args)
        return {name: value for name, value in query.items() if name != "work.claim"}, update

    patch.setattr(work, "take", mutant)


def without_the_holders_claim(patch: pytest.MonkeyPatch) -> None:
    original = change.change

    def mutant(*args: Any, **_: Any) -> Any:
        return original(*args)

    patch.setattr("imagegw.pipeline.desk.change", mutant)


def _joining_before_linking(
    desk: Desk, pull_id: str, claim: str, link: pulls.Link, making: artifacts.Making, placing: images.Placing
) -> Rounds:
    pull = desk.read(Pull, pull_id)
    assert pull is not None
    image = joining._join_image(desk, pull, placing, public=link.public)
    artifact = joining._join_artifact(desk, making, needed=image.state not in joining._STANDING)
    desk.change(Pull, pull_id, lambda pull: pulls.link(pull, link), claim=claim)
    return Rounds(artifact=artifact.round, image=image.round, acl=image.acl_wanted_version)


def joining_before_linking(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(joining, "join", _joining_before_linking)


def reading_who_waits_before_the_artifact(patch: pytest.MonkeyPatch) -> None:
    def mutant(desk: Desk, held: Work) -> Callable[[Artifact], Patch]:
        (artifact,) = desk.find(Artifact, {"state": "fetch"})
        if following.is_awaited(desk, artifact.id):
            return lambda _: Patch(set={"work": work.hand_back(held, desk.now())})
        return lambda _: artifacts.go_idle()

    patch.setattr(following, "rest", mutant)


def looking_before_the_result_is_written(patch: pytest.MonkeyPatch) -> None:
    def mutant(held: Any, ending: Any, lifetime: Any) -> None:
        sweeping.follow_changed(held.desk, held.record, lifetime)
        held.desk.change(held.kind, held.record.id, ending, claim=held.claim)

    patch.setattr(performing, "record", mutant)


def _follow_with(patch: pytest.MonkeyPatch, mutant: Callable[[Pull, Any, Any], Following]) -> None:
    patch.setattr(following, "follow", mutant)


def following_before_the_rounds_are_written(patch: pytest.MonkeyPatch) -> None:
    def mutant(pull: Pull, artifact: Artifact | None, image: Image | None) -> Following:
        rounds = pull.rounds if pull.rounds is not None else Rounds(artifact=0, image=0, acl=0)
        return follow(replace(pull, rounds=rounds), artifact, image)

    _follow_with(patch, mutant)


def failing_whatever_round_was_joined(patch: pytest.MonkeyPatch) -> None:
    def mutant(pull: Pull, artifact: Artifact | None, image: Image | None) -> Following:
        rounds = None if pull.rounds is None else replace(pull.rounds, artifact=0, image=0)
        return follow(replace(pull, rounds=rounds), artifact, image)

    _follow_with(patch, mutant)


def finishing_before_the_acl_stands(patch: pytest.MonkeyPatch) -> None:
    def mutant(pull: Pull, artifact: Artifact | None, image: Image | None) -> Following:
        rounds = None if pull.rounds is None else replace(pull.rounds, acl=0)
        return follow(replace(pull, rounds=rounds), artifact, image)

    _follow_with(patch, mutant)


def touching_an_image_that_is_not_ready(patch: pytest.MonkeyPatch) -> None:
    def mutant(image: Image, expires: datetime, uid: int, now: datetime) -> Patch:
        return Patch(set={"expires": expires, "last_pull": now, "pullers": (*image.pullers, uid)})

    patch.setattr(images, "touch", mutant)


def telling_ready_of_an_image_that_is_not(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(images, "use", lambda _, expires: Patch(set={"expires": expires}))


def moving_the_tag_back(patch: pytest.MonkeyPatch) -> None:
    original = tags.point

    def mutant(tag: Tag, pull: Pull, image: Image, resolved_at: datetime) -> Patch | None:
        return original(
            replace(tag, resolved_at=datetime.min.replace(tzinfo=resolved_at.tzinfo)), pull, image, resolved_at
        )

    patch.setattr(tags, "point", mutant)


def _not_looking_at_the_wish(patch: pytest.MonkeyPatch, name: str) -> None:
    original = getattr(images, name)
    patch.setattr(images, name, lambda image, *args: original(replace(image, is_wanted=False), *args))


def removing_meta_without_looking_at_the_wish(patch: pytest.MonkeyPatch) -> None:
    _not_looking_at_the_wish(patch, "end_remove_meta")


def removing_the_file_without_looking_at_the_wish(patch: pytest.MonkeyPatch) -> None:
    _not_looking_at_the_wish(patch, "end_remove_file")


def freeing_what_was_renewed(patch: pytest.MonkeyPatch) -> None:
    def mutant(desk: Desk, record: Any, held: Work, _: Any) -> None:
        freed = Patch(set={"work": work.free(held, desk.now())})
        desk.change(type(record), record.id, lambda current: freed if current.work is not None else None)

    patch.setattr(sweeping, "_free", mutant)


def acting_without_a_look_at_the_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(performing.Held, "check", lambda _: None)


def expiring_whatever_was_pushed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(images, "is_expired", lambda image, _: image.state == "READY")


def not_meeting_a_demand(patch: pytest.MonkeyPatch) -> None:
    def mutant(*args: Any) -> Following:
        found = follow(*args)
        return replace(found, demand=Demand.NONE) if found.demand is Demand.DELIVER else found

    _follow_with(patch, mutant)


GUARDS: list[tuple[Mutation, Scenario, str]] = [
    (without_rev, acl.TWO_WISHES_ON_A_READY_IMAGE, "does not admit"),
    (without_rev, tag_moves.LAST_TAG_AGAINST_NEW_TAG, "expires in a minute"),
    (without_rev, expiry.EXPIRY_AGAINST_LOOKUP, "told READY"),
    (taking_what_is_held, holders.ONE_MESSAGE_TWICE, "from its holder"),
    (without_the_holders_claim, holders.PAUSED["converter"], "held no more"),
    (joining_before_linking, joins.IDLE_AGAINST_JOIN, "went idle"),
    (reading_who_waits_before_the_artifact, joins.IDLE_AGAINST_JOIN, "went idle"),
    (looking_before_the_result_is_written, joins.JOIN_AGAINST_MADE, "nobody tells"),
    (
        following_before_the_rounds_are_written,
        joins.NEW_ATTEMPT_AGAINST_OLD_FAILURE,
        "before it had joined",
    ),
    (failing_whatever_round_was_joined, joins.OLD_FAILURE_IN_HAND, "older than itself"),
    (finishing_before_the_acl_stands, acl.TWO_WISHES, "does not admit"),
    (touching_an_image_that_is_not_ready, expiry.EXPIRY_AGAINST_PULL, "while its image is EXPIRING"),
    (telling_ready_of_an_image_that_is_not, expiry.EXPIRY_AGAINST_LOOKUP, "told READY"),
    (moving_the_tag_back, tag_moves.TAG_MOVE_AGAINST_LATE_DELIVERY, "resolved earlier"),
    (removing_meta_without_looking_at_the_wish, removal.DELIVER_AGAINST_REMOVE_META, "was lost"),
    (removing_the_file_without_looking_at_the_wish, removal.DELIVER_AGAINST_REMOVE_FILE, "was lost"),
    (freeing_what_was_renewed, holders.RENEWAL_AGAINST_FREEING, "renewed in time"),
    (acting_without_a_look_at_the_claim, holders.PAUSED["shipper"], "does not admit"),
    (acting_without_a_look_at_the_claim, holders.PAUSED["remover of the file"], "without its file and .meta"),
    (expiring_whatever_was_pushed, expiry.EXPIRY_AGAINST_LOOKUP, "told READY"),
    (not_meeting_a_demand, joins.JOIN_AGAINST_MADE, "nobody tells"),
]


@pytest.mark.parametrize(
    ("mutation", "scenario", "broken"),
    [pytest.param(*case, id=f"{case[0].__name__}-{n}") for n, case in enumerate(GUARDS)],
)
def test_a_promise_breaks_without(
    mutation: Mutation, scenario: Scenario, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation(monkeypatch)
    fault = scenario.explore()
    assert fault is not None
    assert broken in fault.reason
