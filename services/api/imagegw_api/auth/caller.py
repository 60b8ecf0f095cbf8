"""The caller of a request, as a method of authentication found out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, as ASGI has them."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody with a valid credential."""

    user: str
    uid: int
    gid: int
    gids: tuple[int, ...]
    """Every group, the primary one among them."""
    method: str


ANONYMOUS = Caller(user="", uid=-1, gid=-1, gids=(), method="anonymous")
"""Nobody: no ACL and no list of readers names these ids."""

Authenticate = Callable[[Headers], Caller | None]
"""The caller by one method; None when the request has no credential of that method.

Raises:
    NotAuthenticated: there is one, and it is not valid.
"""


def header(headers: Headers, name: bytes) -> bytes | None:
    """The value of the first header of that name."""
    return next((value for key, value in headers if key == name), None)
