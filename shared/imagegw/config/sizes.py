"""Sizes as a site's file spells them: bytes, or a number with a unit, as `4GiB`."""

from __future__ import annotations

import re

_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_SIZE = re.compile(r"([0-9]{1,15}) ?([KMGT]i?B|B|)")


def parse_size(value: object) -> int:
    """The number of bytes that ``value`` says.

    ``4G`` is refused: it means 4·10⁹ to some readers and 4·2³⁰ to others.

    >>> parse_size("4GiB")
    4294967296

    Raises:
        ValueError: ``value`` is neither a whole number that is not negative, nor one with a unit.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a size")
    return int(match[1]) * _UNITS[match[2]]


def format_size(size_bytes: int) -> str:
    """``size_bytes`` with the largest binary unit that divides it.

    >>> format_size(131072)
    '128KiB'
    """
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size_bytes and size_bytes % _UNITS[unit] == 0:
            return f"{size_bytes // _UNITS[unit]}{unit}"
    return str(size_bytes)
