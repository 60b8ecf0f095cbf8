"""The first 96 bytes of a squashfs 4.0 file (Linux, Documentation/filesystems/squashfs.rst)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SUPERBLOCK_BYTES = 96
_LAYOUT = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
_MAGIC = b"hsqs"
_VERSION = (4, 0)
_COMPRESSORS = {1: "gzip", 3: "lzo", 4: "xz", 5: "lz4", 6: "zstd"}


@dataclass(frozen=True, kw_only=True)
class Superblock:
    """What deliveries and checks need of one."""

    inodes: int
    block_bytes: int
    compressor: str
    bytes_used: int
    """How many bytes of the file are the image."""
    root_inode: int
    """Offset of the root's metadata block from the inode table, times 65536, plus the offset in it."""
    inode_table: int


def parse_superblock(head: bytes) -> Superblock | None:
    """The superblock in a file's first 96 bytes; None if it is no squashfs 4.0 file.

    >>> parse_superblock(b"not a superblock") is None
    True
    """
    if len(head) < SUPERBLOCK_BYTES:
        return None
    (
        magic, inodes, _made, block_bytes, _fragments, compressor, _block_log, _flags, _ids, major, minor,
        root_inode, bytes_used, _id_table, _xattr_table, inode_table, _directories, _fragment_table, _exports,
    ) = _LAYOUT.unpack_from(head)  # fmt: skip
    if magic != _MAGIC or (major, minor) != _VERSION or bytes_used < SUPERBLOCK_BYTES:
        return None
    return Superblock(
        inodes=inodes,
        block_bytes=block_bytes,
        compressor=_COMPRESSORS.get(compressor, f"number {compressor}"),
        bytes_used=bytes_used,
        root_inode=root_inode,
        inode_table=inode_table,
    )
