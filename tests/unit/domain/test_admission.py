"""Which waiting pulls may begin: requesters in turn, oldest first, within both limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.domain.admission import Limits, Waiting, choose, has_room

LIMITS = Limits(live=4, live_per_user=2)


def queue(*uids: int) -> list[Waiting]:
    """Pulls p0, p1, … of these requesters, oldest first."""
    return [Waiting(id=f"p{n}", uid=uid) for n, uid in enumerate(uids)]


def test_requesters_take_turns() -> None:
    assert choose(queue(1, 1, 2, 3), {}, Limits(live=3, live_per_user=16)) == ["p0", "p2", "p3"]


def test_of_one_requester_the_oldest_goes_first() -> None:
    assert choose(queue(1, 1, 1), {}, LIMITS) == ["p0", "p1"]


def test_who_has_enough_under_way_waits_and_holds_up_nobody() -> None:
    assert choose(queue(1, 2), {1: 2}, LIMITS) == ["p1"]


def test_no_room_admits_nobody() -> None:
    assert choose(queue(1, 2), {3: 2, 4: 2}, LIMITS) == []


def test_more_under_way_than_there_is_room_for_admits_nobody() -> None:
    assert choose(queue(1), {3: 5}, LIMITS) == []


@given(
    uids=st.lists(st.integers(min_value=1, max_value=4), max_size=20),
    admitted=st.dictionaries(
        st.integers(min_value=1, max_value=4), st.integers(min_value=0, max_value=3), max_size=4
    ),
    live=st.integers(min_value=0, max_value=10),
    live_per_user=st.integers(min_value=1, max_value=4),
)
def test_no_limit_is_passed_and_no_room_is_left_for_whoever_waits(
    uids: list[int], admitted: dict[int, int], live: int, live_per_user: int
) -> None:
    waiting = queue(*uids)
    chosen = choose(waiting, admitted, Limits(live=live, live_per_user=live_per_user))
    of = {pull.id: pull.uid for pull in waiting}
    mine = {uid: [n for n in chosen if of[n] == uid] for uid in (1, 2, 3, 4)}

    assert len(set(chosen)) == len(chosen)
    assert len(chosen) <= max(0, live - sum(admitted.values()))
    for uid, names in mine.items():
        assert not names or admitted.get(uid, 0) + len(names) <= live_per_user
    left = [pull for pull in waiting if pull.id not in chosen]
    if left and sum(admitted.values()) + len(chosen) < live:
        assert all(admitted.get(p.uid, 0) + len(mine[p.uid]) >= live_per_user for p in left)


@pytest.mark.parametrize(
    ("waiting", "admitted", "of_user", "is_room"),
    [(0, 3, 1, True), (1, 0, 0, False), (0, 4, 0, False), (0, 3, 2, False)],
    ids=["room", "somebody waits", "full", "the requester has enough"],
)
def test_a_new_pull_begins_at_once_when_nobody_waits_and_both_limits_leave_room(
    waiting: int, admitted: int, of_user: int, is_room: bool
) -> None:
    assert has_room(waiting, admitted, of_user, LIMITS) is is_room
