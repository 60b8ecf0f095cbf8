"""A change as the one update that makes it."""

from __future__ import annotations

from typing import Any

from imagegw.domain.patch import HISTORY_LENGTH, Mark, Patch, as_document, as_update, is_made, plain
from imagegw.domain.records import FileRef, Rounds
from imagegw.domain.status import ImageState, PullStatus
from imagegw.mongo.memory import updated
from tests.support.records import NOW, a_pull, an_image

MARK = Mark(change="c1", at=NOW, host="host/1")
DOCUMENT: dict[str, Any] = {"_id": "one:ab", "rev": 4, "state": "wanted", "history": []}


def entry(patch: Patch, document: dict[str, Any] = DOCUMENT) -> dict[str, Any]:
    """What the change adds to history."""
    _, update = as_update(document, patch, MARK)
    (added,) = update["$push"]["history"]["$each"]
    found: dict[str, Any] = added
    return found


def test_a_change_is_made_to_the_document_as_it_was_read_or_not_at_all() -> None:
    query, update = as_update(DOCUMENT, Patch(set={"round": 2}), MARK)

    assert query == {"_id": "one:ab", "rev": 4}
    assert update["$set"] == {"round": 2, "rev": 5}


def test_a_guard_is_asked_for_beside_the_revision() -> None:
    query, _ = as_update(DOCUMENT, Patch(guard={"work.claim": "c"}), MARK)

    assert query == {"_id": "one:ab", "rev": 4, "work.claim": "c"}


def test_none_unsets_its_field() -> None:
    _, update = as_update(DOCUMENT, Patch(set={"work": None}, unset=("error",)), MARK)

    assert update["$unset"] == {"error": "", "work": ""}
    assert "work" not in update["$set"]


def test_a_change_that_unsets_nothing_says_nothing_of_it() -> None:
    _, update = as_update(DOCUMENT, Patch(set={"round": 2}), MARK)

    assert set(update) == {"$set", "$push"}


def test_only_an_event_gets_a_number() -> None:
    _, update = as_update(DOCUMENT, Patch(is_event=True), MARK)

    assert update["$inc"] == {"seq": 1}


def test_history_says_who_when_and_what_it_came_to() -> None:
    added = entry(Patch(set={"state": ImageState.DELIVER}, message="delivery begins"))

    assert added == {
        "rev": 5,
        "change": "c1",
        "at": NOW,
        "host": "host/1",
        "status": "deliver",
        "message": "delivery begins",
    }


def test_history_repeats_a_status_that_stays() -> None:
    assert entry(Patch())["status"] == "wanted"


def test_a_pulls_history_has_its_status() -> None:
    pull = {"_id": "p1", "rev": 0, "status": "INIT", "history": []}

    assert entry(Patch(set={"status": PullStatus.PENDING}), pull)["status"] == "PENDING"


def test_history_keeps_its_newest_entries_only() -> None:
    full = DOCUMENT | {"history": [{"change": str(n)} for n in range(HISTORY_LENGTH)]}
    _, update = as_update(full, Patch(), MARK)
    changes = [each["change"] for each in updated(full, update)["history"]]

    assert len(changes) == HISTORY_LENGTH
    assert (changes[0], changes[-1]) == ("1", "c1")


def test_a_change_is_known_by_its_mark_in_the_history() -> None:
    _, update = as_update(DOCUMENT, Patch(), MARK)

    assert is_made(updated(DOCUMENT, update), "c1")
    assert not is_made(DOCUMENT, "c1")


def test_fields_that_nobody_named_stay() -> None:
    _, update = as_update(DOCUMENT, Patch(set={"round": 2}), MARK)

    assert updated(DOCUMENT | {"newer": 1}, update)["newer"] == 1


def test_records_become_documents_without_what_is_not_known() -> None:
    document = as_document(an_image(pin=FileRef(digest="sha256:ef", size_bytes=1)))

    assert (document["_id"], document["state"], document["history"]) == ("one:ab", "wanted", [])
    assert document["pin"] == {"digest": "sha256:ef", "size_bytes": 1}
    assert not {"id", "work", "error"} & set(document)


def test_a_pull_that_is_not_live_has_no_such_field() -> None:
    assert "live" not in as_document(a_pull(live=None))


def test_values_become_what_a_document_holds() -> None:
    assert plain({"a": (Rounds(artifact=1, image=2, acl=3), PullStatus.READY)}) == {
        "a": [{"artifact": 1, "image": 2, "acl": 3}, "READY"]
    }
