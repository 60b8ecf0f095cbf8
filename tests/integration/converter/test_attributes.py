"""Dialects of tar, sparse files and the policy on attributes, each case through a whole conversion."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest

from imagegw.domain.conversion import Limits, Policy
from imagegw.errors import LayerRefused
from tests.support.layered_images import (
    KEEP_ALL,
    TIME,
    Item,
    convert_in,
    directory,
    file,
    hard_link,
    image_of,
    symlink,
    tar_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.layered_images import Tree

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("tar2sqfs") is None, reason="tar2sqfs is not installed"),
    pytest.mark.skipif(shutil.which("unsquashfs") is None, reason="unsquashfs is not installed"),
]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="owners and devices are only unpacked for root")


def merged(where: Path, *layers: Sequence[Item] | bytes, policy: Policy = KEEP_ALL) -> Tree:
    return convert_in(where, image_of(*layers), policy).tree


def refusal(where: Path, *layers: Sequence[Item] | bytes) -> str:
    with pytest.raises(LayerRefused) as refused:
        merged(where, *layers)
    assert list(where.iterdir()) == []
    return refused.value.sentence


# --- dialects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_and_targets_survive(tmp_path: Path, dialect: int) -> None:
    deep = "/".join(["d" * 120] * 4)
    items = [file(f"{deep}/x", "y"), hard_link("short", f"{deep}/x"), symlink("s", "t" * 3000)]
    tree = merged(tmp_path, tar_of(items, dialect))
    assert tree[b"short"].links == (f"{deep}/x".encode(),)
    assert tree[b"s"].content == b"t" * 3000


def test_ustar_prefixes_are_joined(tmp_path: Path) -> None:
    name = "/".join(["p" * 70] * 3)
    assert name.encode() in merged(tmp_path, tar_of([file(name)], tarfile.USTAR_FORMAT))


def test_names_are_bytes_from_end_to_end(tmp_path: Path) -> None:
    name = b"caf\xe9 \xff"
    archive = tar_of([file(os.fsdecode(name), "x")], tarfile.GNU_FORMAT)
    assert merged(tmp_path, archive)[name].content == b"x"


def test_names_with_line_breaks_survive(tmp_path: Path) -> None:
    assert merged(tmp_path, [file("a\nb", "x")])[b"a\nb"].content == b"x"


def test_a_component_that_is_too_long_is_refused(tmp_path: Path) -> None:
    assert "a component of a name may have 255 bytes" in refusal(tmp_path, [file("x" * 256)])


@needs_root
@pytest.mark.parametrize("dialect", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_ids_above_the_octal_range_survive(tmp_path: Path, dialect: int) -> None:
    tree = merged(tmp_path, tar_of([file("x", uid=3_000_000_000, gid=2_097_152)], dialect))
    assert tree[b"x"].owner == (3_000_000_000, 2_097_152)


@pytest.mark.parametrize(
    ("written", "kept"), [(-5, 0), (-0.5, 0), (1.75, 1), (2**32 + 7, 2**32 - 1), (TIME + 0.999, TIME)]
)
def test_times_are_rounded_down_and_clamped_to_what_squashfs_holds(
    tmp_path: Path, written: float, kept: int
) -> None:
    assert merged(tmp_path, [file("x", mtime=written)])[b"x"].mtime == kept


def test_negative_times_in_base_256_are_clamped(tmp_path: Path) -> None:
    assert merged(tmp_path, tar_of([file("x", mtime=-100)], tarfile.GNU_FORMAT))[b"x"].mtime == 0


def test_global_headers_hold_for_all_that_follow(tmp_path: Path) -> None:
    plain = tar_of([file("a", "x")], tarfile.USTAR_FORMAT)[:1024]
    name = tarfile.TarInfo.create_pax_global_header({"mtime": "1234"})
    assert merged(tmp_path, name + plain)[b"a"].mtime == 1234


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    assert "entries of type 'M' are not known" in refusal(tmp_path, [Item(name="x", kind=b"M")])


def test_a_directory_of_before_1988_is_one(tmp_path: Path) -> None:
    assert merged(tmp_path, [Item(name="d/", kind=tarfile.AREGTYPE, mode=0o755)])[b"d"].kind == "d"


# --- sparse files ---------------------------------------------------------------------------------------------

SPARSE = b"A" * 512 + bytes(100_000) + b"B" * 512 + bytes(300_000)
MAP = [(0, 512), (100_512, 512), (len(SPARSE), 0)]


def sparse_pax(version: str) -> bytes:
    """Make a sparse file as GNU tar does; `tarfile` reads such files and writes none."""
    stored = b"A" * 512 + b"B" * 512
    size = str(len(SPARSE))
    numbers = [number for piece in MAP for number in piece]
    if version == "1.0":
        head = "".join(f"{n}\n" for n in [len(MAP), *numbers]).encode()
        stored = head + bytes(-len(head) % 512) + stored
        records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s"}
        return tar_of([file("GNUSparseFile.0/s", stored, pax=((*records.items(), ("GNU.sparse.realsize", size))))])
    if version == "0.1":
        listed = ",".join(map(str, numbers))
        records = {"GNU.sparse.size": size, "GNU.sparse.numblocks": "3", "GNU.sparse.map": listed}
        return tar_of([file("s", stored, pax=(*records.items(), ("GNU.sparse.name", "s")))])
    pairs = [f"GNU.sparse.offset={o}\0GNU.sparse.numbytes={n}" for o, n in MAP]
    lines = [f"GNU.sparse.size={size}", "GNU.sparse.numblocks=3", *"\0".join(pairs).split("\0")]
    body = b"".join(_record(line) for line in lines)
    plain = tar_of([file("s", stored)], tarfile.USTAR_FORMAT)
    head = tar_of([Item(name="x", kind=b"x", content=body)], tarfile.USTAR_FORMAT)
    return head[: 512 + len(body) + -len(body) % 512] + plain


def _record(line: str) -> bytes:
    length = len(line) + 2
    while len(f"{length} {line}\n") != length:
        length += 1
    return f"{length} {line}\n".encode()


def sparse_old_gnu() -> bytes:
    """Make one of type S, with more pieces than its header holds."""
    pieces = [(1024 * n, 512) for n in range(30)]
    size = 1024 * 30
    header = bytearray(tar_of([file("s", bytes(512 * 30))], tarfile.GNU_FORMAT)[:512])
    header[156:157] = b"S"
    header[345:512] = bytes(167)

    def numbers(some: list[tuple[int, int]]) -> bytes:
        return b"".join(b"%011o\0%011o\0" % piece for piece in some)

    header[386 : 386 + 96] = numbers(pieces[:4])
    header[482] = 1
    header[483:495] = b"%011o\0" % size
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    first = numbers(pieces[4:25]) + b"\1" + bytes(7)
    second = numbers(pieces[25:]).ljust(504, b"\0") + bytes(8)
    return bytes(header) + first + second + b"X" * (512 * 30) + bytes(1024)


@pytest.mark.parametrize("version", ["0.0", "0.1", "1.0"])
def test_sparse_files_in_pax_headers_are_filled(tmp_path: Path, version: str) -> None:
    tree = merged(tmp_path, sparse_pax(version))
    assert set(tree) == {b"", b"s"}
    assert tree[b"s"].content == SPARSE


def test_sparse_files_of_old_gnu_are_filled(tmp_path: Path) -> None:
    assert merged(tmp_path, sparse_old_gnu())[b"s"].content == (b"X" * 512 + bytes(512)) * 30


def test_holes_count_as_bytes(tmp_path: Path) -> None:
    with pytest.raises(LayerRefused, match="bytes uncompressed"):
        convert_in(tmp_path, image_of(sparse_pax("1.0")), limits=Limits(uncompressed_bytes=200_000))


# --- policy ---------------------------------------------------------------------------------------------------

SAFE = Policy()
CAPABILITY = "\x01\0\0\x02" + "\0" * 16
XATTRS = (
    ("SCHILY.xattr.user.note", "x"),
    ("SCHILY.xattr.security.capability", CAPABILITY),
    ("SCHILY.xattr.system.posix_acl_access", "squashfs cannot hold it"),
)
DEVICE = Item(name="null", kind=tarfile.CHRTYPE, device=(1, 3), mode=0o666)
FIFO = Item(name="fifo", kind=tarfile.FIFOTYPE, mode=0o600)


@needs_root
def test_everything_belongs_to_root_by_default(tmp_path: Path) -> None:
    tree = merged(tmp_path, [directory("d", uid=5), file("d/x", uid=6, gid=7)], policy=SAFE)
    assert {node.owner for node in tree.values()} == {(0, 0)}


def test_everything_is_readable_by_default(tmp_path: Path) -> None:
    layer = [
        directory("d", 0o000),
        file("d/secret", mode=0o000),
        file("d/run", mode=0o100),
        file("d/x", mode=0o640),
    ]
    tree = merged(tmp_path, layer, policy=SAFE)
    assert [oct(tree[path].mode) for path in (b"d", b"d/secret", b"d/run", b"d/x")] == [
        "0o755", "0o444", "0o555", "0o644",
    ]  # fmt: skip


def test_restricted_files_stay_closed_by_setting(tmp_path: Path) -> None:
    layer = [file("shadow", mode=0o640), file("passwd", mode=0o604)]
    tree = merged(tmp_path, layer, policy=Policy(restricted_files="closed"))
    assert [oct(tree[path].mode) for path in (b"shadow", b"passwd")] == ["0o640", "0o644"]


def test_setuid_bits_are_dropped_by_default_and_kept_by_setting(tmp_path: Path) -> None:
    layer = [file("su", mode=0o6755), directory("tmp", 0o3777)]
    dropped = merged(tmp_path, layer, policy=SAFE)
    kept = merged(tmp_path / "unpacked", layer, policy=Policy(setuid="keep"))
    assert (dropped[b"su"].mode, dropped[b"tmp"].mode, kept[b"su"].mode) == (0o755, 0o3777, 0o6755)


@needs_root
def test_devices_are_dropped_by_default_and_kept_by_setting(tmp_path: Path) -> None:
    assert set(merged(tmp_path, [DEVICE, FIFO], policy=SAFE)) == {b"", b"fifo"}
    kept = merged(tmp_path / "unpacked", [DEVICE], policy=Policy(devices="keep"))
    assert (kept[b"null"].kind, kept[b"null"].content) == ("c", str(os.makedev(1, 3)).encode())


@needs_root
def test_hard_links_to_a_dropped_device_are_dropped(tmp_path: Path) -> None:
    assert set(merged(tmp_path, [DEVICE, hard_link("zero", "null")], policy=SAFE)) == {b""}


def test_the_content_of_dev_is_dropped_and_dev_stays(tmp_path: Path) -> None:
    layer = [directory("dev"), file("dev/x"), directory("dev/d"), file("devil"), hard_link("kept", "dev/x")]
    assert set(merged(tmp_path, layer, policy=SAFE)) == {b"", b"dev", b"devil", b"kept"}


def test_the_content_of_dev_is_kept_by_setting(tmp_path: Path) -> None:
    assert b"dev/x" in merged(tmp_path, [file("dev/x")], policy=Policy(dev_content="keep"))


@needs_root
def test_extended_attributes_are_dropped_by_default_and_kept_by_setting(tmp_path: Path) -> None:
    layer = [file("x", pax=XATTRS)]
    dropped = convert_in(tmp_path, image_of(layer), SAFE)
    assert dropped.record.options["policy"] == SAFE.model_dump()
    assert _xattrs(tmp_path / "unpacked" / "x") == {}
    (tmp_path / "again").mkdir()
    convert_in(tmp_path / "again", image_of(layer), Policy(xattrs="keep"))
    kept = _xattrs(tmp_path / "again" / "unpacked" / "x")
    assert kept == {"user.note": b"x", "security.capability": CAPABILITY.encode()}


@needs_root
def test_libarchives_attributes_are_read_too(tmp_path: Path) -> None:
    layer = [file("x", pax=(("LIBARCHIVE.xattr.user.a%20b", "eHl6"),))]
    convert_in(tmp_path, image_of(layer), Policy(xattrs="keep"))
    assert _xattrs(tmp_path / "unpacked" / "x").get("user.a b") == b"xyz"


def _xattrs(path: Path) -> dict[str, bytes]:
    return {name: os.getxattr(path, name) for name in os.listxattr(path) if name != "security.selinux"}


def test_more_owners_than_squashfs_can_name_are_refused(tmp_path: Path) -> None:
    many = [file(f"f{n}", uid=n, gid=100_000 + n) for n in range(33_000)]
    assert "65536 distinct owners" in refusal(tmp_path, many)


def test_the_mode_of_a_file_is_of_a_file(tmp_path: Path) -> None:
    assert stat.S_IFMT(merged(tmp_path, [file("x", mode=0o100644)])[b"x"].mode) == 0
