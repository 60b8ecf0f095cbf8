"""Extended headers: POSIX.1-2001 pax records, with what GNU tar and libarchive keep in them."""

from __future__ import annotations

import base64
import binascii
import math
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from imagegw_converter.tar.entry import TarError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SPARSE_PAIRS = b"imagegw.sparse.pairs"
"""Where :func:`parse` collects the repeated records of GNU sparse format 0.0, as a 0.1 map."""

_LENGTH = re.compile(rb"(\d{1,8}) ")
_DIGITS = re.compile(rb"\d{1,20}")
_SCHILY = b"SCHILY.xattr."
_LIBARCHIVE = b"LIBARCHIVE.xattr."


def parse(body: bytes) -> dict[bytes, bytes]:
    r"""Read records ``<length> <key>=<value>\n``; of one key, the last counts.

    Raises:
        TarError: a record that is not like that.
    """
    records: dict[bytes, bytes] = {}
    pairs: list[bytes] = []
    for key, value in _records(body):
        if key in {b"GNU.sparse.offset", b"GNU.sparse.numbytes"}:
            pairs.append(value)
        else:
            records[key] = value
    if pairs:
        records[SPARSE_PAIRS] = b",".join(pairs)
    return records


def _records(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(body) and body[at]:
        match = _LENGTH.match(body, at)
        if match is None:
            message = f"pax record without a length: {body[at : at + 20]!r}"
            raise TarError(message)
        end = at + int(match.group(1))
        key, equals, value = body[match.end() : end - 1].partition(b"=")
        if end > len(body) or body[end - 1 : end] != b"\n" or not equals or not key:
            message = f"pax record is malformed: {body[at : at + 40]!r}"
            raise TarError(message)
        yield key, value
        at = end


def whole_number(records: Mapping[bytes, bytes], key: bytes) -> int | None:
    """Give a record that counts something, or None if there is none.

    Raises:
        TarError: it does not.
    """
    value = records.get(key)
    if not value:
        return None
    if _DIGITS.fullmatch(value) is None:
        message = f"pax {key.decode('ascii', 'replace')} is no number: {value[:40]!r}"
        raise TarError(message)
    return int(value)


def seconds(records: Mapping[bytes, bytes]) -> int | None:
    """Give ``mtime`` rounded down to whole seconds, or None.

    Raises:
        TarError: it is no time.
    """
    value = records.get(b"mtime")
    if not value:
        return None
    try:
        time = Decimal(value.decode("ascii"))
    except (InvalidOperation, UnicodeDecodeError) as error:
        message = f"pax mtime is no time: {value[:40]!r}"
        raise TarError(message) from error
    if not time.is_finite() or abs(time) >= 1 << 63:
        message = f"pax mtime is no time: {value[:40]!r}"
        raise TarError(message)
    return math.floor(time)


def xattrs(records: Mapping[bytes, bytes]) -> tuple[tuple[bytes, bytes], ...]:
    """Give extended attributes by name, whichever of the two ways they are kept."""
    found: dict[bytes, bytes] = {}
    for key, value in records.items():
        if key.startswith(_LIBARCHIVE):
            name = unquote_to_bytes(key.removeprefix(_LIBARCHIVE))
            found.setdefault(name, _decode(value))
        elif key.startswith(_SCHILY):
            found[key.removeprefix(_SCHILY)] = value
    return tuple(sorted(found.items()))


def _decode(value: bytes) -> bytes:
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        message = f"extended attribute is no base64: {value[:40]!r}"
        raise TarError(message) from error
