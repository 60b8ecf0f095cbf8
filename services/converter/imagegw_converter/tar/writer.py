"""Writes the merged image as one tar stream that both squashfs tools read alike.

GNU's dialect: its long names and base-256 numbers carry any bytes and any 32-bit id, and need no decoding. Only
extended attributes need a pax header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagegw_converter.tar.entry import Kind
from imagegw_converter.tar.fields import BLOCK

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
_MAGIC = b"ustar  \0"


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
    fields = (
        name[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0"),
        b"%07o\0" % attributes.mode,
        _number(attributes.uid, 8),
        _number(attributes.gid, 8),
        _number(size, 12),
        _number(attributes.mtime, 12),
        _FLAGS[kind],
        link[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0"),
        _number(device[0], 8),
        _number(device[1], 8),
    )
    return head + _block(*fields)


def padding(size: int) -> bytes:
    """Give what follows a content of that size."""
    return bytes(-size % BLOCK)


def _block(*fields: bytes) -> bytes:
    name, mode, uid, gid, size, mtime, flag, link, major, minor = fields
    before = name + mode + uid + gid + size + mtime
    after = flag + link + _MAGIC + bytes(64) + major + minor + bytes(BLOCK - 345)
    checksum = sum(before) + sum(after) + 8 * 0x20
    return before + b"%06o\0 " % checksum + after


def _number(value: int, width: int) -> bytes:
    if value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return b"\x80" + value.to_bytes(width - 1, "big")


def _extension(flag: bytes, name: bytes, body: bytes) -> bytes:
    zero = _number(0, 8)
    block = _block(
        name.ljust(_NAME_BYTES, b"\0"), b"0000644\0", zero, zero, _number(len(body), 12), _number(0, 12), flag,
        bytes(_NAME_BYTES), zero, zero,
    )  # fmt: skip
    return block + body + padding(len(body))


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
