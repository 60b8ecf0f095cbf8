"""Writes the merged image as one tar stream that both squashfs tools read alike.

GNU's dialect: its long names and base-256 numbers carry any bytes and any 32-bit id, and need no decoding. Only
extended attributes need a pax header.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from imagegw_converter.tar.entry import Kind
from imagegw_converter.tar.fields import BLOCK, byte_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagegw_converter.policy import Attributes

END = bytes(2 * BLOCK)
_FLAGS = {
    Kind.FILE: b"0",
    Kind.HARD_LINK: b"1",
    Kind.SYMLINK: b"2",
    Kind.CHARACTER_DEVICE: b"3",
    Kind.BLOCK_DEVICE: b"4",
    Kind.DIRECTORY: b"5",
    Kind.FIFO: b"6",
}
_NAME_BYTES = 100
_NO_TIME = b"00000000000\0"
_ROOT = _NO_DEVICE = b"0000000\0" * 2
_MAGIC_AND_OWNERS = b"ustar  \0" + bytes(64)


def header(
    path: bytes,
    kind: Kind,
    attributes: Attributes,
    *,
    size: int = 0,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> bytes:
    """Give everything that precedes an entry's content."""
    name = path + b"/" if kind is Kind.DIRECTORY and path else path or b"./"
    head = b""
    if attributes.xattrs and kind is not Kind.HARD_LINK:
        head += _pax(attributes.xattrs)
    if len(link) > _NAME_BYTES:
        head += _long(b"K", link)
    if len(name) > _NAME_BYTES:
        head += _long(b"L", name)
    block = _block(
        name=name[:_NAME_BYTES],
        mode=attributes.mode,
        owner=_number(attributes.uid, 8) + _number(attributes.gid, 8),
        size=_number(size, 12),
        mtime=_number(attributes.mtime, 12),
        flag=_FLAGS[kind],
        link=link[:_NAME_BYTES],
        device=device,
    )
    return head + block if head else block


def padding(size: int) -> bytes:
    """Give what follows a content of that size."""
    return bytes(-size % BLOCK)


def _block(
    *,
    name: bytes,
    flag: bytes,
    size: bytes,
    mode: int = 0o644,
    owner: bytes = _ROOT,
    mtime: bytes = _NO_TIME,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> bytes:
    numbers = b"%b%b" % (_number(device[0], 8), _number(device[1], 8)) if any(device) else _NO_DEVICE
    before = b"%b%07o\0%b%b%b" % (name.ljust(_NAME_BYTES, b"\0"), mode, owner, size, mtime)
    after = b"%b%b%b%b" % (flag, link.ljust(_NAME_BYTES, b"\0"), _MAGIC_AND_OWNERS, numbers)
    after = after.ljust(BLOCK - len(before) - 8, b"\0")
    checksum = byte_sum(before) + byte_sum(after) + 8 * 0x20
    return b"%b%06o\0 %b" % (before, checksum, after)


@lru_cache(maxsize=4096)
def _number(value: int, width: int) -> bytes:
    if value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return b"\x80" + value.to_bytes(width - 1, "big")


def _extension(flag: bytes, name: bytes, body: bytes) -> bytes:
    return _block(name=name, flag=flag, size=_number(len(body), 12)) + body + padding(len(body))


def _long(flag: bytes, text: bytes) -> bytes:
    return _extension(flag, b"././@LongLink", text + b"\0")


def _pax(xattrs: Sequence[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(_record(b"SCHILY.xattr." + name, value) for name, value in xattrs)
    return _extension(b"x", b"././@PaxHeader", body)


def _record(key: bytes, value: bytes) -> bytes:
    r"""Give ``<length> <key>=<value>\n``, whose length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)
