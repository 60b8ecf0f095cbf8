"""ACLs: one image has one, and nobody's pull takes away or opens up what another's restricted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.domain.acl import LARGEST_ID, MOST_IDS, Acl, admits, holds, merge_acl, parse_wish, remark_on
from imagegw.errors import RequestInvalid

ids = st.integers(min_value=0, max_value=LARGEST_ID)
id_lists = st.lists(ids, max_size=6).map(tuple)
acls = st.builds(Acl, uids=id_lists, gids=id_lists)
wishes = st.none() | acls.filter(lambda acl: acl != Acl())


def acl(*uids: int, gids: tuple[int, ...] = ()) -> Acl:
    return Acl(uids=uids, gids=gids)


def test_ids_stand_in_order_and_once() -> None:
    assert Acl(uids=(3, 1, 3), gids=(2, 2)) == Acl(uids=(1, 3), gids=(2,))
    assert Acl(uids=(3, 1, 3)).uids == (1, 3)


# --- wishes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"allowed_uids": "1000,1001", "allowed_gids": "500"},
        {"allowed_uids": [1000, 1001], "allowed_gids": [500]},
        {"allowed_uids": ["1000", "1001"], "allowed_gids": ["500"]},
        {"allowed_uids": " 1001 , 1000,1000", "allowed_gids": "500"},
    ],
)
def test_a_wish_is_read_from_strings_and_lists(body: dict[str, object]) -> None:
    assert parse_wish(body) == acl(1000, 1001, gids=(500,))


@pytest.mark.parametrize("nothing", [None, "", "  ", []])
def test_what_is_empty_is_no_wish(nothing: object) -> None:
    assert parse_wish({"allowed_uids": nothing, "allowed_gids": nothing}) is None
    assert parse_wish({}) is None


@pytest.mark.parametrize(
    "value",
    [
        "alice",
        "1000,",
        ",1000",
        "1000;1001",
        "-1",
        "+1",
        "1.0",
        "0x10",
        "\u0661\u0660",
        "99999999999",
        str(LARGEST_ID + 1),
        [-1],
        [2**32],
        [True],
        [1.0],
        [None],
        [[1]],
        ["a"],
        {"1000": 1},
        1000,
        True,
        list(range(MOST_IDS + 1)),
    ],
)
def test_a_malformed_wish_is_refused(value: object) -> None:
    with pytest.raises(RequestInvalid) as refused:
        parse_wish({"allowed_uids": value})
    assert refused.value.sentence


def test_the_largest_list_is_taken() -> None:
    wish = parse_wish({"allowed_gids": list(range(MOST_IDS))})
    assert wish is not None
    assert len(wish.gids) == MOST_IDS


# --- merging ------------------------------------------------------------------------------------------------


def test_a_private_image_without_a_wish_admits_its_requester_only() -> None:
    assert merge_acl(None, None, requester=1000, public=False) == acl(1000)


def test_a_wish_on_a_private_image_includes_its_requester() -> None:
    merged = merge_acl(None, acl(2000), requester=1000, public=False)
    assert merged == acl(1000, 2000)
    assert remark_on(merged, acl(2000), requester=1000) is None


def test_a_wish_on_a_public_image_is_ignored_and_said_so() -> None:
    merged = merge_acl(None, acl(2000), requester=1000, public=True)
    assert merged is None
    assert remark_on(merged, acl(2000), requester=1000) == "the image is public: the wish for an ACL is ignored"


def test_a_private_image_becomes_public_by_a_public_repository() -> None:
    assert merge_acl(acl(1000), None, requester=2000, public=True) is None


def test_a_re_pull_by_another_without_a_wish_adds_that_person_only() -> None:
    merged = merge_acl(acl(1000, gids=(5,)), None, requester=2000, public=False)
    assert merged == acl(1000, 2000, gids=(5,))
    assert remark_on(merged, None, requester=2000) is None


def test_a_narrower_wish_takes_nobody_away_and_says_so() -> None:
    merged = merge_acl(acl(1000, 2000), acl(1000), requester=1000, public=False)
    assert merged == acl(1000, 2000)
    assert "stay admitted" in str(remark_on(merged, acl(1000), requester=1000))


def test_a_list_that_would_be_too_long_for_the_runtime_is_refused() -> None:
    full = acl(*range(MOST_IDS))
    assert merge_acl(full, None, requester=0, public=False) == full
    with pytest.raises(RequestInvalid, match="at most 1000 uids"):
        merge_acl(full, None, requester=MOST_IDS, public=False)
    assert not holds(full, None, requester=MOST_IDS, public=False)


@given(current=acls | st.none(), wish=wishes, requester=ids)
def test_no_private_pull_makes_an_image_public(current: Acl | None, wish: Acl | None, requester: int) -> None:
    merged = merge_acl(current, wish, requester=requester, public=False)
    assert merged is not None
    assert admits(merged, requester, ())


@given(current=acls, wish=wishes, requester=ids)
def test_nobody_is_taken_away_and_only_who_was_named_is_added(
    current: Acl, wish: Acl | None, requester: int
) -> None:
    merged = merge_acl(current, wish, requester=requester, public=False) or Acl()
    named = wish or Acl()
    assert set(merged.uids) == {*current.uids, *named.uids, requester}
    assert set(merged.gids) == {*current.gids, *named.gids}


@given(current=acls | st.none(), wish=wishes, requester=ids, public=st.booleans())
def test_holds_is_whether_merging_changes_nothing(
    current: Acl | None, wish: Acl | None, requester: int, public: bool
) -> None:
    merged = merge_acl(current, wish, requester=requester, public=public)
    assert holds(merged, wish, requester=requester, public=public)
    assert merge_acl(merged, wish, requester=requester, public=public) == merged
    if current is not None:
        assert holds(current, wish, requester=requester, public=public) == (merged == current)


def test_the_acl_of_an_image_that_is_public_by_another_repository_holds_any_wish() -> None:
    assert holds(None, acl(2000), requester=1000, public=False)


@given(current=acls | st.none(), wished=st.tuples(wishes, wishes), requesters=st.tuples(ids, ids))
def test_the_order_of_two_pulls_does_not_matter_and_both_are_held(
    current: Acl | None, wished: tuple[Acl | None, Acl | None], requesters: tuple[int, int]
) -> None:
    def after(before: Acl | None, number: int) -> Acl | None:
        return merge_acl(before, wished[number], requester=requesters[number], public=False)

    merged = after(after(current, 0), 1)
    assert merged == after(after(current, 1), 0)
    assert all(holds(merged, wished[n], requester=requesters[n], public=False) for n in (0, 1))


# --- admission ----------------------------------------------------------------------------------------------


def test_a_private_image_admits_by_uid_or_by_any_group() -> None:
    private = acl(1000, gids=(500, 600))
    assert admits(private, 1000, (1,))
    assert admits(private, 7, (1, 600))
    assert not admits(private, 7, (1, 2))
    assert not admits(private, 500, (1000,))
    assert not admits(private, 0, (0,))


def test_an_empty_acl_admits_nobody() -> None:
    assert not admits(Acl(), 0, (0,))


@given(uid=ids, gids=id_lists)
def test_a_public_image_admits_everybody(uid: int, gids: tuple[int, ...]) -> None:
    assert admits(None, uid, gids)
