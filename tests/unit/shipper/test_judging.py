"""What becomes of a file under an image's name, by what was seen of it."""

from __future__ import annotations

import struct

import pytest

from imagegw.domain.records import DeliveredFile, FileRef
from imagegw.domain.superblock import parse_superblock
from imagegw_shipper.judging import Found, is_as_delivered, judge
from imagegw_shipper.transports.port import Standing
from tests.support.delivering import squashfs

PIN = FileRef(digest="sha256:" + "1" * 64, size_bytes=4096)
OTHER = FileRef(digest="sha256:" + "2" * 64, size_bytes=4096)
RECORDED = DeliveredFile(size_bytes=4096, mtime_s=7.5)


def test_size_and_time_as_recorded_settle_it() -> None:
    assert is_as_delivered(Standing(size_bytes=4096, mtime_s=7.5), PIN, RECORDED)


@pytest.mark.parametrize(
    ("size", "mtime", "pin", "recorded"),
    [
        (4095, 7.5, PIN, RECORDED),
        (4096, 7.4, PIN, RECORDED),
        (4096, 7.5, None, RECORDED),
        (4096, 7.5, PIN, None),
    ],
    ids=["another size", "another time", "no pin", "nothing recorded"],
)
def test_without_both_the_file_has_to_be_read(
    size: int, mtime: float, pin: FileRef | None, recorded: DeliveredFile | None
) -> None:
    assert not is_as_delivered(Standing(size_bytes=size, mtime_s=mtime), pin, recorded)


def test_the_pinned_bytes_are_kept_whatever_they_are() -> None:
    assert judge(PIN, b"", PIN) is Found.KEEP


def test_other_bytes_than_the_pinned_are_damaged_though_they_are_squashfs() -> None:
    assert judge(OTHER, squashfs(), PIN) is Found.DAMAGED


@pytest.mark.parametrize(
    ("used", "found"),
    [(4096, Found.ADOPT), (96, Found.ADOPT), (4097, Found.DAMAGED), (2**64 - 1, Found.DAMAGED)],
)
def test_unpinned_bytes_are_adopted_if_they_are_as_long_as_the_superblock_says(used: int, found: Found) -> None:
    assert judge(OTHER, squashfs(used=used), None) is found


@pytest.mark.parametrize("head", [b"", b"hsqs", squashfs()[:95], b"sqsh" + squashfs()[4:]])
def test_what_has_no_superblock_is_damaged(head: bytes) -> None:
    assert judge(OTHER, head, None) is Found.DAMAGED


def test_an_older_squashfs_is_none_that_we_know() -> None:
    head = bytearray(squashfs())
    struct.pack_into("<HH", head, 28, 3, 1)
    assert parse_superblock(bytes(head)) is None
