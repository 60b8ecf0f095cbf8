"""The site's policy, each setting through a whole conversion."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest

from imagegw.domain.conversion import Policy
from imagegw.errors import LayerRefused
from tests.support.layered_images import (
    KEEP_ALL,
    Item,
    convert_in,
    directory,
    file,
    hard_link,
    image_of,
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
