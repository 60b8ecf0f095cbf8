"""A file's superblock, compared with the file."""

from __future__ import annotations

from pathlib import Path

from imagegw.domain.superblock import SUPERBLOCK_BYTES, Superblock, parse_superblock


class NoSquashfs(Exception):
    """The file is no squashfs 4.0 file, or not all of one."""


def read(file: Path) -> Superblock:
    """Read and check a file's superblock.

    Raises:
        NoSquashfs: it has none, or the file is shorter than it says.
    """
    with file.open("rb") as stream:
        head = stream.read(SUPERBLOCK_BYTES)
    found = parse_superblock(head)
    if found is None:
        message = f"expected a squashfs 4.0 superblock, found {head[:4]!r} in {len(head)} bytes"
        raise NoSquashfs(message)
    size = file.stat().st_size
    if found.bytes_used > size:
        message = f"the superblock says {found.bytes_used} bytes, the file has {size}"
        raise NoSquashfs(message)
    return found
