"""Whiteouts: entries that stand for the removal of what lower layers have (OCI image layer, "Whiteouts")."""

from __future__ import annotations

from typing import NamedTuple

from imagegw_converter.tar.entry import EntryRefused

_PREFIX = b".wh."
_OPAQUE = b".wh..wh..opq"
_AUFS = b".wh..wh."
"""AUFS kept its own books under such names; Docker skips them, and so do we."""


class Whiteout(NamedTuple):
    """Hides ``path`` of lower layers; if ``opaque``, all that they have in that directory instead."""

    path: bytes
    opaque: bool


class Bookkeeping(NamedTuple):
    """A file of AUFS's own, which means nothing."""


def read(path: bytes) -> Whiteout | Bookkeeping | None:
    """Give what a path stands for, or None if it is an ordinary one.

    >>> read(b"etc/.wh.passwd"), read(b"etc/.wh..wh..opq"), read(b"etc/passwd")
    (Whiteout(path=b'etc/passwd', opaque=False), Whiteout(path=b'etc', opaque=True), None)

    Raises:
        EntryRefused: a whiteout of nothing, or one that is used as a directory.
    """
    if _PREFIX not in path:
        return None
    directory, _, name = path.rpartition(b"/")
    for part in directory.split(b"/"):
        if part.startswith(_AUFS):
            return Bookkeeping()
        if part.startswith(_PREFIX):
            raise EntryRefused(path, "a whiteout is no directory")
    if name == _OPAQUE:
        return Whiteout(directory, opaque=True)
    if name.startswith(_AUFS):
        return Bookkeeping()
    if not name.startswith(_PREFIX):
        return None
    hidden = name.removeprefix(_PREFIX)
    if hidden in {b"", b".", b".."}:
        raise EntryRefused(path, "a whiteout names what it hides")
    return Whiteout(directory + b"/" + hidden if directory else hidden, opaque=False)
