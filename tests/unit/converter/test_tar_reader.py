"""The tar reader, with `tarfile` as a second opinion, and with rubbish."""

from __future__ import annotations

import contextlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imagegw.domain.conversion import Limits
from imagegw_converter.layer_stream import LayerStream
from imagegw_converter.limits import Budget
from imagegw_converter.tar.entry import Entry, EntryRefused, Kind, TarError
from imagegw_converter.tar.reader import TarReader
from tests.support.layered_images import Item, directory, file, hard_link, layer_of, symlink, tar_of

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = {
    Kind.FILE: tarfile.REGTYPE,
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.HARD_LINK: tarfile.LNKTYPE,
    Kind.CHARACTER_DEVICE: tarfile.CHRTYPE,
    Kind.BLOCK_DEVICE: tarfile.BLKTYPE,
    Kind.FIFO: tarfile.FIFOTYPE,
}


def read(archive: bytes) -> list[tuple[Entry, bytes]]:
    layer = layer_of(archive, compress=bytes)
    stream = LayerStream(io.BytesIO(archive), layer, Budget(Limits()), lambda _count: None)
    reader = TarReader(stream)
    found = []
    for entry in reader:
        content = bytearray()
        if entry.kind is Kind.FILE:
            reader.copy_content(entry, content.extend)
        found.append((entry, bytes(content)))
    stream.finish()
    return found


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
PATHS = (
    st.lists(NAMES.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=5)
    .map("/".join)
    .filter(lambda path: all(len(part.encode()) <= 255 for part in path.split("/")))
)
IDS = st.integers(0, 2**32 - 1)
TIMES = st.one_of(st.integers(0, 2**33), st.integers(0, 2**33).map(lambda n: n + 0.5))
MODES = st.integers(0, 0o7777)
FILES = st.builds(file, PATHS, st.binary(max_size=1500), mode=MODES, uid=IDS, gid=IDS, mtime=TIMES)
ITEMS = st.one_of(
    FILES,
    st.builds(directory, PATHS, mode=MODES, uid=IDS, mtime=TIMES),
    st.builds(
        symlink, PATHS, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
    ),
    st.builds(hard_link, PATHS, PATHS),
    st.builds(Item, name=PATHS, kind=st.just(tarfile.CHRTYPE), device=st.tuples(st.integers(0, 99), st.just(3))),
    st.builds(Item, name=PATHS, kind=st.just(tarfile.FIFOTYPE)),
)


@given(items=st.lists(ITEMS, max_size=8), dialect=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
@settings(max_examples=150, deadline=None)
def test_it_reads_what_tarfile_reads(items: Sequence[Item], dialect: int) -> None:
    archive = tar_of(items, dialect)
    with tarfile.open(fileobj=io.BytesIO(archive), errors="surrogateescape") as tar:
        expected = [_as_tarfile_says(tar, member) for member in tar]
    assert [_as_we_say(entry, content) for entry, content in read(archive)] == expected


def _as_tarfile_says(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    source = tar.extractfile(member) if member.isreg() else None
    link = member.linkname.encode("utf-8", "surrogateescape") if member.issym() or member.islnk() else b""
    device = (member.devmajor, member.devminor) if member.isdev() and not member.isfifo() else (0, 0)
    return (
        member.name.encode("utf-8", "surrogateescape").strip(b"/"), member.type, member.mode,
        member.uid, member.gid,
        int(member.mtime // 1), link, device, source.read() if source else b"",
    )  # fmt: skip


def _as_we_say(entry: Entry, content: bytes) -> tuple[object, ...]:
    return (
        entry.path, KINDS[entry.kind], entry.mode, entry.uid, entry.gid, entry.mtime, entry.link, entry.device,
        content,
    )  # fmt: skip


@given(st.binary(max_size=3000))
@example(bytes(512))
@settings(max_examples=150, deadline=None)
def test_no_input_ends_it_but_with_its_own_errors(data: bytes) -> None:
    _reads_or_refuses(data)


@given(items=st.lists(ITEMS, min_size=1, max_size=4), data=st.data())
@settings(max_examples=200, deadline=None)
def test_no_damaged_archive_ends_it_but_with_its_own_errors(items: Sequence[Item], data: st.DataObject) -> None:
    archive = bytearray(tar_of(items))
    for _ in range(data.draw(st.integers(1, 4))):
        header = 512 * data.draw(st.integers(0, len(archive) // 512 - 1))
        at = header + data.draw(st.integers(0, 511))
        archive[at] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):
            _repair(archive, header)
    _reads_or_refuses(bytes(archive[: data.draw(st.integers(0, len(archive)))]))


def _repair(archive: bytearray, header: int) -> None:
    """Make a damaged header's checksum right again, so that the damage is read."""
    block = archive[header : header + 512]
    block[148:156] = b"        "
    archive[header + 148 : header + 156] = b"%06o\0 " % sum(block)


def _reads_or_refuses(data: bytes) -> None:
    with contextlib.suppress(TarError, EntryRefused):
        read(data)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"no length", "without a length"),
        (b"5 a=\n9", "without a length"),
        (b"99 path=x\n", "malformed"),
        (b"8 mtime\n", "malformed"),
        (b"12 mtime=no\n", "no time"),
        (b"13 mtime=nan\n", "no time"),
        (b"12 mtime=1e99\n", "malformed"),
        (b"9 size=x\n", "no number"),
        (b"21 uid=9999999999999\n", "not of 32 bits"),
    ],
)
def test_malformed_pax_records_are_named(body: bytes, said: str) -> None:
    with pytest.raises(TarError, match=said):
        read(_extended(body))


def _extended(body: bytes) -> bytes:
    head = tar_of([Item(name="pax", kind=b"x", content=body)], tarfile.USTAR_FORMAT)
    return head[: 512 + len(body) + -len(body) % 512] + tar_of([file("x")])


def test_an_extended_header_without_an_entry_is_an_error() -> None:
    head = tar_of([Item(name="pax", kind=b"x", content=b"9 path=y\n")], tarfile.USTAR_FORMAT)
    with pytest.raises(TarError, match="between an extended header and its entry"):
        read(head)


def test_an_extended_header_that_does_not_fit_into_memory_is_refused() -> None:
    header = bytearray(tar_of([Item(name="pax", kind=b"x", content=b"9 path=y\n")], tarfile.USTAR_FORMAT))
    header[124:136] = b"77777777777\0"
    _repair(header, 0)
    with pytest.raises(TarError, match="at most"):
        read(bytes(header))


@pytest.mark.parametrize(
    ("pieces", "size", "said"),
    [
        ("0,5,3,5", 100, "a piece at 3"),
        ("0,5,90,20", 100, "a piece at 90"),
        ("0,5,90", 100, "middle of a piece"),
        ("0,4", 100, "stored are 10"),
        ("x,4", 100, "instead of a number"),
    ],
)
def test_sparse_maps_that_lie_are_refused(pieces: str, size: int, said: str) -> None:
    records = (("GNU.sparse.size", str(size)), ("GNU.sparse.map", pieces))
    with pytest.raises(TarError, match=said):
        read(tar_of([file("s", b"0123456789", pax=records)]))


def test_a_star_header_has_a_shorter_prefix() -> None:
    archive = bytearray(tar_of([file("p" * 90 + "/" + "n" * 90)], tarfile.USTAR_FORMAT))
    archive[476:500] = b"00000000001 00000000001 "
    archive[508:512] = b"tar\0"
    _repair(archive, 0)
    assert read(bytes(archive))[0][0].path == b"p" * 90 + b"/" + b"n" * 90


def test_signed_checksums_of_old_tars_are_accepted() -> None:
    archive = bytearray(tar_of([file("caf\u00e9")], tarfile.GNU_FORMAT))
    block = archive[:512]
    block[148:156] = b"        "
    signed = sum(byte - 256 if byte > 127 else byte for byte in block)
    archive[148:156] = b"%06o\0 " % signed
    assert read(bytes(archive))[0][0].path == "caf\u00e9".encode()
