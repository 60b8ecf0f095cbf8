"""Reads the headers of a layer; bodies stay in the stream until somebody asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagegw_converter.tar import fields, pax, sparse
from imagegw_converter.tar.entry import Entry, EntryRefused, Kind, TarError
from imagegw_converter.tar.fields import BLOCK, number, text
from imagegw_converter.tar.path import MAX_TARGET, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagegw_converter.tar.source import Source

MAX_EXTENSION_BYTES = 1 << 20
"""Of one extended header or long name: it is held in memory."""

_ZERO_BLOCK = bytes(BLOCK)
_ZEROS = memoryview(bytes(1 << 18))
_KINDS = {
    0x00: Kind.FILE,
    ord("0"): Kind.FILE,
    ord("7"): Kind.FILE,
    ord("S"): Kind.FILE,
    ord("1"): Kind.HARD_LINK,
    ord("2"): Kind.SYMLINK,
    ord("3"): Kind.CHARACTER_DEVICE,
    ord("4"): Kind.BLOCK_DEVICE,
    ord("5"): Kind.DIRECTORY,
    ord("D"): Kind.DIRECTORY,
    ord("6"): Kind.FIFO,
}
_GNU_MAGIC = b"ustar  \0"
_STAR_TRAILER = b"tar\0"
_PAX, _PAX_GLOBAL, _SOLARIS_PAX = ord("x"), ord("g"), ord("X")
_LONG_NAME, _LONG_LINK, _VOLUME, _SPARSE = ord("L"), ord("K"), ord("V"), ord("S")


class TarReader:
    """Iterates over a layer's entries, once.

    While an entry is current its content may be taken with :meth:`copy_content`; what is not taken is skipped.
    The archive ends at a block of zeros, or where the stream does, if that is between two entries: the two end
    blocks are missing in layers that work everywhere else, and a cut is noticed by the layer's digest.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._global: dict[bytes, bytes] = {}
        self._unread = 0
        self._padding = 0
        self._count = 0

    def __iter__(self) -> Iterator[Entry]:
        """Give every entry.

        Raises:
            TarError: the archive is damaged.
            EntryRefused: an entry is of a kind, or has a name, that no image may have.
        """
        while (entry := self._next()) is not None:
            self._count += 1
            yield entry
            self._finish_body()

    def copy_content(self, entry: Entry, sink: Callable[[memoryview], None]) -> None:
        """Give the current entry's content to ``sink``, holes as zeros."""
        if entry.holes is None:
            self._pass_on(entry.size, sink)
            return
        at = 0
        for offset, length in entry.holes:
            _zeros(offset - at, sink)
            self._pass_on(length, sink)
            at = offset + length
        _zeros(entry.size - at, sink)

    def _pass_on(self, count: int, sink: Callable[[memoryview], None]) -> None:
        self._source.pass_on(count, sink)
        self._unread -= count

    def _finish_body(self) -> None:
        if self._unread:
            self._source.skip(self._unread)
        if self._padding:
            self._source.take(self._padding)  # umoci leaves it out after the last entry
        self._unread = self._padding = 0

    def _next(self) -> Entry | None:
        """Read extended headers up to the header that they belong to, and that one."""
        records: dict[bytes, bytes] = {}
        while True:
            block = self._source.take(BLOCK)
            if not block or block == _ZERO_BLOCK:
                _check_end(records)
                return None
            if len(block) < BLOCK:
                message = f"the stream ends in a header, after {len(block)} bytes"
                raise TarError(message)
            fields.check_sum(block)
            flag = block[156]
            if flag in {_PAX, _SOLARIS_PAX}:
                records |= pax.parse(self._extension(block))
            elif flag == _PAX_GLOBAL:
                self._global |= pax.parse(self._extension(block))
            elif flag == _LONG_NAME:
                records.setdefault(b"path", text(self._extension(block)))
            elif flag == _LONG_LINK:
                records.setdefault(b"linkpath", text(self._extension(block)))
            elif flag == _VOLUME:
                self._extension(block)
            else:
                return self._entry(block, {**self._global, **records} if self._global else records)

    def _extension(self, block: bytes) -> bytes:
        size = number(block[124:136], "size")
        if not 0 <= size <= MAX_EXTENSION_BYTES:
            message = f"extended header of {size} bytes, at most {MAX_EXTENSION_BYTES} are read"
            raise TarError(message)
        return self._source.take_exactly(size + -size % BLOCK)[:size]

    def _entry(self, block: bytes, records: dict[bytes, bytes]) -> Entry:
        name = records.get(b"GNU.sparse.name") or records.get(b"path") or _name(block)
        kind = _kind(block, name)
        size = pax.whole_number(records, b"size") if records else None
        if size is None:
            size = number(block[124:136], "size")
        if size < 0:
            message = f"{name!r} has a size of {size} bytes"
            raise TarError(message)
        # A hard link has no body, but old tars give the size of its target (POSIX, pax, "ustar Interchange").
        stored = size if kind is Kind.FILE or block[156] == ord("D") else 0
        self._unread, self._padding = stored, -stored % BLOCK
        size, stored, holes = self._content(block, records, kind, stored)
        mtime = pax.seconds(records) if records else None
        return Entry(
            position=self._count,
            path=normalise(name),
            kind=kind,
            mode=number(block[100:108], "mode") & 0o7777,
            uid=_id(block[108:116], records, b"uid"),
            gid=_id(block[116:124], records, b"gid"),
            mtime=number(block[136:148], "mtime") if mtime is None else mtime,
            size=size if kind is Kind.FILE else 0,
            stored_size=stored,
            link=_link(kind, records.get(b"linkpath") or text(block[157:257]), name),
            device=_device(block, kind),
            xattrs=pax.xattrs(records) if records else (),
            holes=holes,
        )

    def _content(
        self, block: bytes, records: dict[bytes, bytes], kind: Kind, stored: int
    ) -> tuple[int, int, tuple[tuple[int, int], ...] | None]:
        """Give real size, stored size and, for a sparse file, its map."""
        if kind is not Kind.FILE:
            return stored, stored, None
        if block[156] == _SPARSE:
            pieces, size = sparse.old_gnu(block, self._source)
        elif records and sparse.is_pax_sparse(records):
            pieces, size, taken = sparse.from_pax(records, self._source)
            stored -= taken
            self._unread -= taken
        else:
            return stored, stored, None
        return size, stored, sparse.check(pieces, size, stored)


def _check_end(records: dict[bytes, bytes]) -> None:
    if records:
        message = "the archive ends between an extended header and its entry"
        raise TarError(message)


def _kind(block: bytes, name: bytes) -> Kind:
    kind = _KINDS.get(block[156])
    if kind is None:
        raise EntryRefused(name, f"entries of type {chr(block[156])!r} are not known")
    if kind is Kind.FILE and block[156] != _SPARSE and name.endswith(b"/"):
        return Kind.DIRECTORY  # as tars from before 1988 wrote directories
    return kind


def _name(block: bytes) -> bytes:
    """Join name and prefix; GNU headers keep other things where the prefix is."""
    name = text(block[:100])
    if block[257:262] != b"ustar" or block[257:265] == _GNU_MAGIC:
        return name
    prefix = text(block[345:476] if block[508:512] == _STAR_TRAILER else block[345:500])
    return prefix + b"/" + name if prefix else name


def _id(field: bytes, records: dict[bytes, bytes], key: bytes) -> int:
    value = pax.whole_number(records, key) if records else None
    if value is None:
        value = number(field, key.decode())
    if not 0 <= value < 1 << 32:
        message = f"{key.decode()} is {value}, not of 32 bits"
        raise TarError(message)
    return value


def _link(kind: Kind, target: bytes, name: bytes) -> bytes:
    if kind is Kind.HARD_LINK:
        return normalise(target)
    if kind is not Kind.SYMLINK:
        return b""
    if not target or b"\0" in target or len(target) > MAX_TARGET:
        raise EntryRefused(name, f"a symlink's target has 1 to {MAX_TARGET} bytes, none of them NUL")
    return target


def _device(block: bytes, kind: Kind) -> tuple[int, int]:
    if kind is not Kind.CHARACTER_DEVICE and kind is not Kind.BLOCK_DEVICE:
        return (0, 0)
    return (number(block[329:337], "device major"), number(block[337:345], "device minor"))


def _zeros(count: int, sink: Callable[[memoryview], None]) -> None:
    while count > 0:
        piece = min(count, len(_ZEROS))
        sink(_ZEROS[:piece])
        count -= piece
