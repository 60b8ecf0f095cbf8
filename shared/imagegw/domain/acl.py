"""Who may use a private image: one ACL an image, for all its tags."""

from __future__ import annotations

from imagegw.domain.records import Acl


def merge_acl(current: Acl | None, wish: Acl | None, *, requester: int, public: bool, is_first: bool) -> Acl | None:
    if public:
        return None
    base = Acl() if is_first or current is None else current
    asked = Acl() if wish is None else wish
    return Acl(
        uids=tuple(sorted({*base.uids, *asked.uids, requester})), gids=tuple(sorted({*base.gids, *asked.gids}))
    )


def admits(acl: Acl, uid: int, gids: tuple[int, ...]) -> bool:
    return uid in acl.uids or any(gid in acl.gids for gid in gids)
