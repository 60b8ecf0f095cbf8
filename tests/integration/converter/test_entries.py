"""Entries, each case through a whole conversion: whiteouts, replacements, links, dialects, policy."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from imagegw.domain.conversion import Policy
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
    opaque,
    symlink,
    tar_of,
    whiteout,
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


# --- whiteouts ------------------------------------------------------------------------------------------------


def test_a_whiteout_hides_what_lower_layers_have(tmp_path: Path) -> None:
    tree = merged(tmp_path, [directory("d"), file("d/x"), file("d/y")], [whiteout("d/x")])
    assert set(tree) == {b"", b"d", b"d/y"}


def test_a_whiteout_of_a_directory_hides_all_of_it(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("d/x"), file("d/e/y"), file("z")], [whiteout("d")])
    assert set(tree) == {b"", b"z"}


@pytest.mark.parametrize("turned", [False, True])
def test_a_whiteout_never_hides_its_own_layers_entry(tmp_path: Path, *, turned: bool) -> None:
    layer = [whiteout("x"), file("x", "new")]
    tree = merged(tmp_path, [file("x", "old")], layer[::-1] if turned else layer)
    assert tree[b"x"].content == b"new"


@pytest.mark.parametrize("turned", [False, True])
def test_an_opaque_directory_shows_only_its_own_layers_content(tmp_path: Path, *, turned: bool) -> None:
    layer = [opaque("d"), file("d/new")]
    tree = merged(tmp_path, [directory("d"), file("d/old"), file("d/e/old")], layer[::-1] if turned else layer)
    assert set(tree) == {b"", b"d", b"d/new"}


def test_an_opaque_root_hides_every_lower_layer(tmp_path: Path) -> None:
    assert set(merged(tmp_path, [file("old"), file("d/old")], [opaque(""), file("new")])) == {b"", b"new"}


def test_a_directory_emptied_by_whiteouts_stays(tmp_path: Path) -> None:
    assert set(merged(tmp_path, [file("d/x")], [whiteout("d/x")])) == {b"", b"d"}


def test_a_bare_whiteout_is_refused(tmp_path: Path) -> None:
    assert "entry d/.wh.: a whiteout names what it hides" in refusal(tmp_path, [file("d/.wh.")])


def test_a_whiteout_used_as_a_directory_is_refused(tmp_path: Path) -> None:
    assert "a whiteout is no directory" in refusal(tmp_path, [file(".wh.d/x")])


def test_a_whiteout_may_be_stored_as_a_hard_link(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("x"), file("y")], [hard_link(".wh.x", ".wh.y"), whiteout("y"), file("z")])
    assert set(tree) == {b"", b"z"}


def test_the_books_of_aufs_mean_nothing(tmp_path: Path) -> None:
    layer = [directory(".wh..wh.plnk"), file(".wh..wh.plnk/1.2"), file(".wh..wh.aufs"), file("x")]
    assert set(merged(tmp_path, layer)) == {b"", b"x"}


def test_a_whiteout_reaches_through_a_directory_that_was_a_symlink_below(tmp_path: Path) -> None:
    lower = [directory("real"), file("real/x", "kept"), symlink("d", "real")]
    tree = merged(tmp_path, lower, [directory("d"), opaque("d"), file("d/new")])
    assert tree[b"real/x"].content == b"kept"
    assert tree[b"d"].kind == "d"


# --- replacements ---------------------------------------------------------------------------------------------


def test_a_directory_is_replaced_by_a_file(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("d/x")], [file("d", "file")])
    assert set(tree) == {b"", b"d"}
    assert tree[b"d"].content == b"file"


def test_a_directory_is_replaced_by_a_symlink(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("d/x"), file("e/y")], [symlink("d", "e")])
    assert set(tree) == {b"", b"d", b"e", b"e/y"}
    assert tree[b"d"].content == b"e"


def test_a_directory_replaced_by_a_file_and_back_has_only_what_came_after(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("d/old")], [file("d")], [directory("d"), file("d/new")])
    assert set(tree) == {b"", b"d", b"d/new"}


def test_a_symlink_is_replaced_by_a_directory(tmp_path: Path) -> None:
    tree = merged(tmp_path, [symlink("d", "e"), file("e/y")], [directory("d"), file("d/x")])
    assert set(tree) == {b"", b"d", b"d/x", b"e", b"e/y"}


def test_a_directory_over_a_directory_keeps_the_content_and_takes_the_new_attributes(tmp_path: Path) -> None:
    tree = merged(tmp_path, [directory("d", 0o700), file("d/x")], [directory("d", 0o711, mtime=TIME + 5)])
    assert set(tree) == {b"", b"d", b"d/x"}
    assert (tree[b"d"].mode, tree[b"d"].mtime) == (0o711, TIME + 5)


def test_of_the_same_path_twice_in_a_layer_the_last_wins(tmp_path: Path) -> None:
    converted = convert_in(tmp_path, image_of([file("x", "first"), file("y"), file("x", "last")]))
    assert converted.tree[b"x"].content == b"last"
    assert converted.record.passes == 3


def test_a_directory_and_a_file_of_one_path_in_a_layer_the_last_wins(tmp_path: Path) -> None:
    tree = merged(tmp_path, [directory("x"), file("x/y"), file("x", "last")])
    assert set(tree) == {b"", b"x"}


def test_names_that_differ_in_case_are_different_files(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("readme", "a"), file("README", "b")])
    assert (tree[b"readme"].content, tree[b"README"].content) == (b"a", b"b")


# --- hard links -----------------------------------------------------------------------------------------------


def test_a_hard_link_within_a_layer_is_one(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", "x"), hard_link("b", "a"), hard_link("c", "b")])
    assert tree[b"b"].links == (b"a", b"c")


def test_a_hard_link_to_a_file_of_a_lower_layer_is_one(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", "x")], [hard_link("b", "a")])
    assert tree[b"b"].links == (b"a",)


def test_a_hard_link_whose_target_an_upper_layer_deletes_keeps_the_content(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", "x"), hard_link("b", "a")], [whiteout("a")])
    assert set(tree) == {b"", b"b"}
    assert tree[b"b"].content == b"x"


def test_a_hard_link_whose_target_an_upper_layer_replaces_keeps_the_content(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", "old"), hard_link("b", "a")], [file("a", "new")])
    assert (tree[b"a"].content, tree[b"b"].content) == (b"new", b"old")


def test_a_hard_link_whose_target_its_own_layer_hides_keeps_the_content(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", "x")], [whiteout("a"), hard_link("b", "a")])
    assert set(tree) == {b"", b"b"}
    assert tree[b"b"].content == b"x"


def test_a_hard_link_to_a_lower_file_that_is_replaced_above_keeps_the_content(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", "old")], [hard_link("b", "a"), hard_link("c", "b")], [file("a", "new")])
    assert tree[b"b"].content == b"old"
    assert tree[b"b"].links == (b"c",)


def test_a_hard_link_replaces_what_had_its_name(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", "x"), file("b/old")], [file("a", "y"), hard_link("b", "a")])
    assert tree[b"b"].links == (b"a",)
    assert b"b/old" not in tree


def test_a_hard_link_may_have_an_absolute_target(tmp_path: Path) -> None:
    assert merged(tmp_path, [file("d/a"), hard_link("b", "/d/a")])[b"b"].links == (b"d/a",)


def test_a_hard_link_before_its_target_is_one(tmp_path: Path) -> None:
    tree = merged(tmp_path, [hard_link("b", "c"), hard_link("c", "a"), file("a", "x")])
    assert tree[b"b"].links == (b"a", b"c")
    assert tree[b"b"].content == b"x"


def test_a_hard_link_to_nothing_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, [file("a")], [hard_link("b", "gone")])
    assert "layer 2 of 2" in said
    assert "entry b: a hard link to nothing, gone" in said


def test_hard_links_to_each_other_are_refused(tmp_path: Path) -> None:
    assert "a hard link to nothing" in refusal(tmp_path, [hard_link("a", "b"), hard_link("b", "a")])


def test_a_hard_link_to_a_directory_is_refused(tmp_path: Path) -> None:
    assert "a hard link to a directory" in refusal(tmp_path, [directory("a"), hard_link("b", "a")])


def test_a_hard_link_to_a_symlink_is_the_symlink(tmp_path: Path) -> None:
    tree = merged(tmp_path, [symlink("a", "x"), hard_link("b", "a")])
    assert (tree[b"b"].kind, tree[b"b"].content) == ("l", b"x")


def test_a_hard_link_with_the_size_of_its_target_has_no_body(tmp_path: Path) -> None:
    archive = bytearray(tar_of([file("a", "x"), hard_link("b", "a"), file("c")]))
    header = archive[1024:1536]
    header[124:136] = b"00000000001\0"
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    archive[1024:1536] = header
    assert set(merged(tmp_path, bytes(archive))) == {b"", b"a", b"b", b"c"}


# --- parents --------------------------------------------------------------------------------------------------


@needs_root
def test_a_missing_parent_is_made_0755_of_root(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("d/e/x", uid=7)])
    for path in (b"d", b"d/e"):
        assert (tree[path].kind, tree[path].mode, tree[path].owner, tree[path].mtime) == ("d", 0o755, (0, 0), 0)


def test_a_parent_that_is_a_file_below_becomes_a_directory(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("d", "file")], [file("d/x")])
    assert (tree[b"d"].kind, set(tree)) == ("d", {b"", b"d", b"d/x"})


def test_a_parent_that_is_a_symlink_below_is_followed(tmp_path: Path) -> None:
    lower = [directory("usr/lib"), symlink("lib", "usr/lib"), file("usr/lib/a")]
    tree = merged(tmp_path, lower, [file("lib/b")])
    assert tree[b"lib"].kind == "l"
    assert {b"usr/lib/a", b"usr/lib/b"} <= set(tree)


def test_a_parent_that_is_a_symlink_out_of_the_image_stays_inside(tmp_path: Path) -> None:
    tree = merged(tmp_path, [symlink("out", "../../../tmp/evil")], [file("out/x", "y")])
    assert tree[b"tmp/evil/x"].content == b"y"


def test_symlinks_that_lead_in_a_circle_are_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, [symlink("a", "b"), symlink("b", "a")], [file("a/x")])
    assert "more than 255 symlinks" in said


# --- traversal ------------------------------------------------------------------------------------------------


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
