"""The first 96 bytes of a squashfs 4.0 file (Linux, Documentation/filesystems/squashfs.rst)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from imagegw.domain.conversion import Compressor

SIZE = 96
_LAYOUT = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
_MAGIC = b"hsqs"
_VERSION = (4, 0)
_COMPRESSORS: dict[int, Compressor] = {1: "gzip", 3: "lzo", 4: "xz", 5: "lz4", 6: "zstd"}


class NoSquashfs(Exception):
    """The file is no squashfs 4.0 file, or not all of one."""


@dataclass(frozen=True, kw_only=True)
class Superblock:
    """What the checks need of one."""

    inodes: int
    block_bytes: int
    compressor: str
    bytes_used: int
    root_inode: int
    """Offset of the root's metadata block from the inode table, times 65536, plus the offset in it."""

    inode_table: int


def read(file: Path) -> Superblock:
    """Read and check a file's superblock.

    Raises:
        NoSquashfs: it has none, or the file is shorter than it says.
    """
    with file.open("rb") as stream:
        data = stream.read(SIZE)
    if len(data) < SIZE:
        message = f"a file of {len(data)} bytes has no superblock"
        raise NoSquashfs(message)
    (
        magic, inodes, _made, block_bytes, _fragments, compressor, _block_log, _flags, _ids, major, minor,
        root_inode, bytes_used, _id_table, _xattr_table, inode_table, _directories, _fragment_table, _exports,
    ) = _LAYOUT.unpack(data)  # fmt: skip
    if magic != _MAGIC or (major, minor) != _VERSION:
        message = f"expected a squashfs 4.0 superblock, found {magic!r} {major}.{minor}"
        raise NoSquashfs(message)
    size = file.stat().st_size
    if not SIZE <= bytes_used <= size:
        message = f"the superblock says {bytes_used} bytes, the file has {size}"
        raise NoSquashfs(message)
    return Superblock(
        inodes=inodes,
        block_bytes=block_bytes,
        compressor=_COMPRESSORS.get(compressor, f"number {compressor}"),
        bytes_used=bytes_used,
        root_inode=root_inode,
        inode_table=inode_table,
    )
