"""Slot accounting: never more taken than there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.amqp.slots import Slots


def test_the_last_slot_leaves_no_room_until_it_is_given_back() -> None:
    slots = Slots(2)
    slots.take()
    room = [slots.has_room]
    slots.take()
    room.append(slots.has_room)
    slots.give_back()
    room.append(slots.has_room)
    assert room == [True, False, True]


def test_taking_more_than_there_are_is_refused() -> None:
    slots = Slots(1)
    slots.take()
    with pytest.raises(ValueError, match="all 1 slots"):
        slots.take()


def test_giving_back_what_was_not_taken_is_refused() -> None:
    with pytest.raises(ValueError, match="no slot"):
        Slots(1).give_back()


@given(total=st.integers(1, 5), deliveries=st.lists(st.booleans(), max_size=50))
def test_consuming_only_with_room_never_exceeds_the_slots(total: int, deliveries: list[bool]) -> None:
    slots = Slots(total)
    for is_delivery in deliveries:
        if is_delivery and slots.has_room:
            slots.take()
        elif not is_delivery and not slots.is_idle:
            slots.give_back()
        assert 0 <= slots.used <= total
        assert slots.has_room == (slots.used < total)
