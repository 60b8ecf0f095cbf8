"""Maps of sparse files: which pieces of a file's content are stored (GNU tar, "Storing Sparse Files")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagegw_converter.tar import pax
from imagegw_converter.tar.entry import TarError
from imagegw_converter.tar.fields import BLOCK, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagegw_converter.tar.source import Source

MAX_PIECES = 1 << 20
"""Pieces of one file: a real file of that many holes does not occur, a map of them is 16 MB of memory."""

Pieces = tuple[tuple[int, int], ...]

_OLD_IN_HEADER = (386, 4)
_OLD_IN_EXTENSION = (0, 21)
_REAL_SIZE = slice(483, 495)


def old_gnu(block: bytes, source: Source) -> tuple[Pieces, int]:
    """Read the map in a header of type ``S`` and the extension blocks after it; give it and the real size."""
    numbers = list(_old_numbers(block, *_OLD_IN_HEADER))
    more = block[482]
    while more:
        extension = source.take_exactly(BLOCK)
        numbers += _old_numbers(extension, *_OLD_IN_EXTENSION)
        more = extension[504]
        if len(numbers) > 2 * MAX_PIECES:
            raise TarError(_TOO_MANY)
    return _pair(numbers), number(block[_REAL_SIZE], "real size")


def _old_numbers(block: bytes, start: int, count: int) -> Iterator[int]:
    for at in range(start, start + 24 * count, 24):
        if block[at] == 0:
            return
        yield number(block[at : at + 12], "sparse offset")
        yield number(block[at + 12 : at + 24], "sparse size")


def is_pax_sparse(records: Mapping[bytes, bytes]) -> bool:
    """Say whether extended headers describe a sparse file, in any of the three formats."""
    return any(key.startswith(b"GNU.sparse.") for key in records) or pax.SPARSE_PAIRS in records


def from_pax(records: Mapping[bytes, bytes], source: Source) -> tuple[Pieces, int, int]:
    """Read the map of formats 0.0, 0.1 and 1.0; give it, the real size, and how much of the body it took.

    Raises:
        TarError: it is malformed.
    """
    if records.get(b"GNU.sparse.major") == b"1":
        numbers, taken = _map_in_body(source)
        real = pax.whole_number(records, b"GNU.sparse.realsize")
    else:
        listed = records.get(b"GNU.sparse.map") or records.get(pax.SPARSE_PAIRS) or b""
        numbers, taken = [_digits(word) for word in listed.split(b",") if word], 0
        real = pax.whole_number(records, b"GNU.sparse.size")
    if real is None:
        message = "sparse file without its size"
        raise TarError(message)
    return _pair(numbers), real, taken


def _map_in_body(source: Source) -> tuple[list[int], int]:
    """Read decimal numbers, a line each, the first of them their count; the map fills whole blocks."""
    text = source.take_exactly(BLOCK)
    count = _digits(text.partition(b"\n")[0])
    if count > MAX_PIECES:
        raise TarError(_TOO_MANY)
    wanted = 2 * count + 1
    blocks, lines = [text], text.count(b"\n")
    while lines < wanted:
        blocks.append(source.take_exactly(BLOCK))
        lines += blocks[-1].count(b"\n")
        if len(blocks) * BLOCK > 44 * (wanted + 24):
            message = "sparse map is longer than its numbers"
            raise TarError(message)
    numbers = [_digits(line) for line in b"".join(blocks).split(b"\n", wanted)[1:wanted]]
    return numbers, BLOCK * len(blocks)


def _digits(word: bytes) -> int:
    if not word.isdigit() or len(word) > 20:  # noqa: PLR2004 - digits of 2**64
        message = f"sparse map holds {word[:40]!r} instead of a number"
        raise TarError(message)
    return int(word)


def _pair(numbers: list[int]) -> Pieces:
    if len(numbers) % 2:
        message = "sparse map ends in the middle of a piece"
        raise TarError(message)
    if len(numbers) > 2 * MAX_PIECES:
        raise TarError(_TOO_MANY)
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def check(pieces: Pieces, size: int, stored: int) -> Pieces:
    """Give the pieces that hold something, in order.

    Raises:
        TarError: they overlap, leave the file, or are not what is stored.
    """
    end = 0
    for offset, length in pieces:
        if offset < end or length < 0 or offset + length > size:
            message = f"sparse map has a piece at {offset} of {length} bytes, where {end} to {size} is free"
            raise TarError(message)
        end = offset + length
    total = sum(length for _, length in pieces)
    if total != stored:
        message = f"sparse map is of {total} bytes, stored are {stored}"
        raise TarError(message)
    return tuple(piece for piece in pieces if piece[1])


_TOO_MANY = f"sparse map of more than {MAX_PIECES} pieces"
