"""One entry of a layer, whatever dialect of tar it was written in."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class TarError(Exception):
    """The stream is no tar archive, or a damaged one."""


class EntryRefused(Exception):
    """A well-formed entry that breaks a rule."""

    def __init__(self, name: bytes, rule: str) -> None:
        super().__init__(rule)
        self.name = name
        self.rule = rule


class Kind(Enum):
    """What an entry is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARD_LINK = "hard link"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    FIFO = "fifo"


class Entry(NamedTuple):
    """A header, read. A named tuple because a large image has millions, and it is the cheapest record."""

    position: int
    """Its place in its layer, from 0."""

    path: bytes
    """Relative to the root, without ``.``, ``..`` or empty components; the root itself is empty."""

    kind: Kind
    mode: int
    uid: int
    gid: int
    mtime: int
    """Whole seconds, rounded down; may be negative."""

    size: int
    """Of the file's content, holes included; 0 for everything else."""

    stored_size: int
    """Bytes that follow the header in the stream, without padding."""

    link: bytes
    """A symlink's target as it stands, or a hard link's as a path like ``path``."""

    device: tuple[int, int]
    xattrs: tuple[tuple[bytes, bytes], ...]
    holes: tuple[tuple[int, int], ...] | None
    """For a sparse file the (offset, size) of each piece of content that is stored; None for any other."""
