"""Who may use a private image: wishes, their merge into an image's one list, and whom it admits."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from imagegw.errors import RequestInvalid

LARGEST_ID = 2**32 - 2
"""The runtime ends its lists with 2³²-1, so that this is no id."""
MOST_IDS = 1000
"""The runtime aborts on a longer list."""

_ID = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, kw_only=True)
class Acl:
    """Who may use a private image; empty lists admit nobody. A public image has none: there, None stands.

    Ids stand in ascending order and once, however they are given.

    Raises:
        RequestInvalid: an id is out of range, or there are more than the runtime takes.
    """

    uids: tuple[int, ...] = ()
    gids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("uids", "gids"):
            ids = tuple(sorted(set(getattr(self, name))))
            _check(name, ids)
            object.__setattr__(self, name, ids)


def _check(name: str, ids: tuple[int, ...]) -> None:
    wrong = [identity for identity in ids if not 0 <= identity <= LARGEST_ID]
    if wrong:
        raise RequestInvalid(f"an ACL names {name} from 0 to {LARGEST_ID}, found {wrong[0]}")
    if len(ids) > MOST_IDS:
        raise RequestInvalid(f"an ACL names at most {MOST_IDS} {name}, found {len(ids)}; name a group")


def parse_wish(body: Mapping[str, object]) -> Acl | None:
    """The ACL that the body of a request wishes for, by `allowed_uids` and `allowed_gids`; None without.

    Each is a list of numbers or of strings of digits, or a string as ``1000,1001``. What is missing, null or
    empty is no wish: the client sends that for a user name that it cannot find.

    >>> parse_wish({"allowed_uids": "1000,1001", "allowed_gids": [500]}).gids
    (500,)

    Raises:
        RequestInvalid: one of them is something else, or names an id that cannot be.
    """
    wish = Acl(
        uids=_parse_ids("allowed_uids", body.get("allowed_uids")),
        gids=_parse_ids("allowed_gids", body.get("allowed_gids")),
    )
    return None if wish == Acl() else wish


def merge_acl(current: Acl | None, wish: Acl | None, *, requester: int, public: bool) -> Acl | None:
    """The one ACL of an image after a pull by ``requester``, who has proved access to it at the registry.

    ``current`` is the ACL of a private image, or None where there is no image (yet, or any more). ``public``
    says that the id is public: the registry answered an anonymous request for this repository or, earlier,
    for another one, since an id's bytes are public as soon as one of its repositories is.

    Merging only ever adds ids, so that wishes may come in any order and twice, and :func:`holds` can tell
    whether a pull's own has been met. A private image admits whoever proved access, and whom those wished:
    nobody else's pull takes anyone away, and a pull without a wish adds its requester only.

    Raises:
        RequestInvalid: the list would become longer than the runtime takes.
    """
    if public:
        return None
    before, wished = current or Acl(), wish or Acl()
    return Acl(uids=(*before.uids, *wished.uids, requester), gids=(*before.gids, *wished.gids))


def remark_on(merged: Acl | None, wish: Acl | None, *, requester: int) -> str | None:
    """What the requester should be told where the merge is not what was wished."""
    if wish is None:
        return None
    if merged is None:
        return "the image is public: the wish for an ACL is ignored"
    if set(merged.uids) > {*wish.uids, requester} or set(merged.gids) > set(wish.gids):
        return "others who proved access, or were named by them, stay admitted"
    return None


def holds(acl: Acl | None, wish: Acl | None, *, requester: int, public: bool) -> bool:
    """Whether ``acl``, that of a standing image, has in it all that the merge of this pull adds."""
    if acl is None or public:
        return acl is None
    wished = wish or Acl()
    return {*wished.uids, requester} <= set(acl.uids) and set(wished.gids) <= set(acl.gids)


def admits(acl: Acl | None, uid: int, gids: Collection[int]) -> bool:
    """Whether a user with these ids, supplementary groups among them, may use the image."""
    return acl is None or uid in acl.uids or any(gid in acl.gids for gid in gids)


def _parse_ids(name: str, value: object) -> tuple[int, ...]:
    match value:
        case None:
            return ()
        case str() if not value.strip():
            return ()
        case str():
            return tuple(_parse_id(name, part.strip()) for part in value.split(","))
        case list() | tuple():
            return tuple(_parse_id(name, part) for part in value)
        case _:
            raise RequestInvalid(f"{name} is a list of ids, or a string as 1000,1001; found a {_kind(value)}")


def _parse_id(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _ID.fullmatch(value):
        return int(value)
    found = repr(value[:20]) if isinstance(value, str) else f"a {_kind(value)}"
    raise RequestInvalid(f"{name} names ids by number, found {found}")


def _kind(value: object) -> str:
    kinds: dict[type, str] = {
        bool: "truth value",
        float: "fraction",
        dict: "object",
        list: "list",
        int: "number",
    }
    return kinds.get(type(value), "value of another kind")
