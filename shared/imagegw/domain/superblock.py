"""What a squashfs 4.0 file's superblock says of its length (Linux, Documentation/filesystems/squashfs.rst)."""

from __future__ import annotations

import struct

SUPERBLOCK_BYTES = 96
_MAGIC = b"hsqs"
_VERSION = (4, 0)


def bytes_used(head: bytes) -> int | None:
    """How many bytes of the file are the image, by its first 96 bytes; None if it is no squashfs 4.0 file.

    >>> bytes_used(b"not a superblock") is None
    True
    """
    if len(head) < SUPERBLOCK_BYTES or head[:4] != _MAGIC:
        return None
    major, minor = struct.unpack_from("<HH", head, 28)
    if (major, minor) != _VERSION:
        return None
    used: int = struct.unpack_from("<Q", head, 40)[0]
    return used
