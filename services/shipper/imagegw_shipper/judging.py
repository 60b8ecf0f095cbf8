"""What is to become of a file that stands under an image's name: plain decisions on what was seen of it."""

from __future__ import annotations

from enum import StrEnum

from imagegw.domain.records import DeliveredFile, FileRef
from imagegw.domain.superblock import parse_superblock
from imagegw_shipper.transports.port import Standing


class Found(StrEnum):
    """What a look at the name found."""

    KEEP = "keep"
    """The file as it was delivered, or the pinned bytes."""
    ADOPT = "adopt"
    """A whole squashfs file that nobody has pinned: an older gateway's."""
    DAMAGED = "damaged"
    """The one case in which a file is taken away."""
    ABSENT = "absent"
    UNSETTLED = "unsettled"
    """It has changed while it was looked at."""


def is_as_delivered(standing: Standing, pin: FileRef | None, recorded: DeliveredFile | None) -> bool:
    """Whether size and time alone say that the file is the one that was delivered."""
    if pin is None or recorded is None:
        return False
    return (recorded.size_bytes, recorded.mtime_s) == (standing.size_bytes, standing.mtime_s)


def judge(read: FileRef, head: bytes, pin: FileRef | None) -> Found:
    """What a file is that was read as a whole, *head* being its first bytes.

    >>> judge(FileRef(digest="sha256:a", size_bytes=1), b"", FileRef(digest="sha256:b", size_bytes=1)).value
    'damaged'
    """
    if pin is not None:
        return Found.KEEP if read.digest == pin.digest else Found.DAMAGED
    superblock = parse_superblock(head)
    is_whole = superblock is not None and superblock.bytes_used <= read.size_bytes
    return Found.ADOPT if is_whole else Found.DAMAGED
