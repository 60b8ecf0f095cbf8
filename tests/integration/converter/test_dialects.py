"""What layers are written like, and what they try: traversal, the dialects of tar, sparse files."""

from __future__ import annotations

import os
import shutil
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


# --- traversal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/../evil", "a/.."])
def test_a_name_with_two_dots_is_refused(tmp_path: Path, name: str) -> None:
    assert f"entry {name}: a name may not contain '..'" in refusal(tmp_path, [file(name)])


def test_a_hard_link_to_a_name_with_two_dots_is_refused(tmp_path: Path) -> None:
    assert "a name may not contain '..'" in refusal(tmp_path, [hard_link("a", "../../etc/passwd")])


def test_an_absolute_name_is_one_in_the_image(tmp_path: Path) -> None:
    assert set(merged(tmp_path, [file("/a/b"), file("./c"), file("d//e")])) == {
        b"", b"a", b"a/b", b"c", b"d", b"d/e",
    }  # fmt: skip


def test_a_symlink_written_through_in_its_own_layer_stays_inside(tmp_path: Path) -> None:
    tree = merged(tmp_path, [symlink("x", "/etc"), file("x/passwd", "ours")])
    assert tree[b"etc/passwd"].content == b"ours"


def test_a_root_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    assert "the root is a directory" in refusal(tmp_path, [symlink("./", "/etc")])


def test_a_symlinks_target_is_kept_as_it_is(tmp_path: Path) -> None:
    assert merged(tmp_path, [symlink("x", "/../../a//b/./")])[b"x"].content == b"/../../a//b/./"


# --- dialects -----------------------------------------------------------------------------------------------------


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


# --- sparse files -------------------------------------------------------------------------------------------------

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
        return tar_of([file("GNUSparseFile.0/s", stored, pax=(*records.items(), ("GNU.sparse.realsize", size)))])
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
