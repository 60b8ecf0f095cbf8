"""Random layered images, converted and unpacked by umoci, are the same tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from imagegw.errors import LayerRefused
from tests.support.layered_images import (
    TIME,
    Item,
    Node,
    convert_in,
    directory,
    file,
    hard_link,
    image_of,
    opaque,
    symlink,
    tree_on_disk,
    whiteout,
    write_oci_layout,
)

if TYPE_CHECKING:
    from imagegw_converter.source import ConversionInput
    from tests.support.layered_images import Converted, Tree

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("umoci") is None, reason="umoci is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="owners and devices need root"),
]

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TIMES = st.integers(TIME, TIME + 10)
MODES = st.sampled_from([0o755, 0o700, 0o644, 0o1777, 0o4755, 0o000])
OWNERS = st.sampled_from([0, 7, 70_000])

FILES = st.builds(file, PATHS, st.binary(max_size=3), mode=MODES, mtime=TIMES, uid=OWNERS, gid=OWNERS)
DIRECTORIES = st.builds(directory, PATHS, mode=MODES, mtime=TIMES, uid=OWNERS)
TARGETS = st.sampled_from(["a", "b", "../a", "/b", "/a/b", "c/a", "../../../b", "nowhere"])
SYMLINKS = st.builds(symlink, PATHS, TARGETS, mtime=TIMES)
DEVICES = st.builds(Item, name=PATHS, kind=st.just(tarfile.CHRTYPE), device=st.just((1, 3)), mtime=TIMES)
WHITEOUTS = st.one_of(st.builds(whiteout, PATHS), st.builds(opaque, st.one_of(PATHS, st.just(""))))
ROOTS = st.builds(directory, st.just("./"), mode=MODES, mtime=TIMES)
ENTRIES = st.one_of(FILES, FILES, FILES, DIRECTORIES, DIRECTORIES, SYMLINKS, DEVICES, ROOTS)


@st.composite
def images(draw: st.DrawFn) -> list[list[Item]]:
    """Some layers: whiteouts first, since umoci takes them in order and the specification does not.

    Hard links lead to what some layer has, mostly; links to nothing are refused by both, which is soon dull.
    """
    linkable: list[str] = []
    image = []
    for _ in range(draw(st.integers(1, 4))):
        layer = draw(st.lists(WHITEOUTS, max_size=3))
        for entry in draw(st.lists(ENTRIES, max_size=7)):
            if linkable and draw(st.integers(0, 4)) == 0:
                layer.append(hard_link(draw(PATHS), draw(st.sampled_from(linkable))))
            layer.append(entry)
            if entry.kind == tarfile.REGTYPE:
                linkable.append(entry.name)
        image.append(layer)
    return image


@given(image=images())
@settings(
    print_blob=True,
    max_examples=int(os.environ.get("IMAGEGW_ORACLE_EXAMPLES", "200")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_a_converted_image_is_what_umoci_unpacks(image: list[list[Item]]) -> None:
    with tempfile.TemporaryDirectory() as directory_name:
        where = Path(directory_name)
        made = image_of(*image)
        expected = _unpacked_by_umoci(where, made)
        converted = _converted(where, made)
        if converted is None:
            event("refused by both" if expected is None else "refused by us alone")
            assert expected is None
            return
        if expected is None:
            event("refused by umoci alone: a file where a directory should be")
            return
        event(f"converted, layers read {converted.record.passes} times")
        assert _comparable(converted.tree, expected) == _comparable(expected, expected)


def _converted(where: Path, image: ConversionInput) -> Converted | None:
    try:
        return convert_in(where, image)
    except LayerRefused:
        return None


def _unpacked_by_umoci(where: Path, image: ConversionInput) -> Tree | None:
    layout = write_oci_layout(where / "oci", image)
    done = subprocess.run(
        ["umoci", "raw", "unpack", "--image", f"{layout}:t", where / "rootfs"], capture_output=True, check=False
    )
    return tree_on_disk(where / "rootfs") if done.returncode == 0 else None


def _comparable(tree: Tree, like: Tree) -> Tree:
    """Set aside the times of directories where ``like`` has the time of the unpacking.

    umoci gives it to directories that no layer describes and, when it makes one, to the directory around it.
    """
    now = {path for path, node in like.items() if node.kind == "d" and node.mtime > TIME + 10}
    return {path: node._replace(mtime=0) if path in now else node for path, node in tree.items()}


def test_the_comparison_notices_a_difference() -> None:
    node = Node("-", 0o644, (0, 0), TIME, b"x", ())
    other = {b"a": node._replace(content=b"y")}
    assert _comparable({b"a": node}, other) != _comparable(other, other)
