"""Paths of entries: bytes, relative to the image's root, in one spelling."""

from __future__ import annotations

from imagegw_converter.tar.entry import EntryRefused

MAX_NAME = 255
"""Of one component, as in Linux."""

MAX_TARGET = 4095
"""Of a symlink's target, as in Linux: PATH_MAX without its end."""


def normalise(name: bytes) -> bytes:
    """Give the path that a name in a layer means.

    >>> normalise(b"./usr//bin/"), normalise(b"/etc/passwd"), normalise(b"./")
    (b'usr/bin', b'etc/passwd', b'')

    Raises:
        EntryRefused: the name climbs with ``..``, holds a NUL, or has a component that no file system takes.
    """
    parts = [part for part in name.split(b"/") if part and part != b"."]
    if b".." in parts:
        raise EntryRefused(name, "a name may not contain '..'")
    if b"\0" in name:
        raise EntryRefused(name, "a name may not contain a NUL byte")
    if len(name) > MAX_NAME and any(len(part) > MAX_NAME for part in parts):
        raise EntryRefused(name[:MAX_NAME], f"a component of a name may have {MAX_NAME} bytes")
    return b"/".join(parts)


def parent(path: bytes) -> bytes:
    """Give the directory that holds ``path``; the root holds what has no other.

    >>> parent(b"a/b/c"), parent(b"a")
    (b'a/b', b'')
    """
    return path.rpartition(b"/")[0]
