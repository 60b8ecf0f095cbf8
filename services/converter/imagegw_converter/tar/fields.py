"""The fields of a tar header block: POSIX.1-1988 ustar, and what GNU tar made of it."""

from __future__ import annotations

import re

from imagegw_converter.tar.entry import TarError

BLOCK = 512
_CHECKSUM = slice(148, 156)
_NUMBER = re.compile(rb"[ \0]*([0-7]*)[ \0]*")


def text(field: bytes) -> bytes:
    """Give a field up to its first NUL."""
    return field.partition(b"\0")[0]


def number(field: bytes, what: str) -> int:
    """Read an octal or a base-256 number (first bit set; GNU tar, section "Extensions").

    Raises:
        TarError: neither.
    """
    if field[0] & 0x80:
        value = int.from_bytes(field, "big")
        bits = 8 * len(field)
        if field[0] & 0x40:
            return value - (1 << bits)
        return value & ~(1 << (bits - 1))
    match = _NUMBER.match(field)
    if match is None or not _ends_there(field, match.end()):
        message = f"{what} is no number: {field!r}"
        raise TarError(message)
    digits = match.group(1)
    return int(digits, 8) if digits else 0


def _ends_there(field: bytes, end: int) -> bool:
    """Say whether a number that stopped at ``end`` was all of it; what follows a NUL or blank is left over."""
    return end == len(field) or field[end - 1 : end] in {b" ", b"\0"}


def check_sum(block: bytes) -> None:
    """Compare a header's checksum, as unsigned bytes or, as old tars made it, as signed ones.

    Raises:
        TarError: it is neither.
    """
    expected = number(block[_CHECKSUM], "checksum")
    rest = block[:148] + block[156:]
    unsigned = sum(rest) + 8 * 0x20
    if unsigned == expected:
        return
    if unsigned - 256 * sum(byte > 0x7F for byte in rest) != expected:  # noqa: PLR2004 - the sign bit
        message = f"header checksum is {unsigned}, expected {expected}"
        raise TarError(message)
