"""The merge rules: what one pass decides is what the tree of all headers says."""

from __future__ import annotations

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from imagegw_converter.layers import NeedsIndex, Overlay, Verdict
from imagegw_converter.tar.entry import Entry, EntryRefused, Kind
from imagegw_converter.tree import Directory, Tree

NAMES = st.sampled_from([b"a", b"b", b"c"])
WHITEOUTS = st.sampled_from([b".wh.a", b".wh.b", b".wh..wh..opq"])
DIRECTORIES = st.lists(NAMES, max_size=3)
PATHS = st.builds(
    lambda directory, name: b"/".join([*directory, name]), DIRECTORIES, st.one_of(NAMES, NAMES, NAMES, WHITEOUTS)
)
TARGETS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
KINDS = st.sampled_from([Kind.FILE, Kind.FILE, Kind.FILE, Kind.DIRECTORY, Kind.DIRECTORY, Kind.SYMLINK])


def entry(path: bytes, kind: Kind = Kind.FILE, link: bytes = b"", position: int = 0) -> Entry:
    return Entry(
        position=position, path=path, kind=kind, mode=0, uid=0, gid=0, mtime=0, size=0, stored_size=0, link=link,
        device=(0, 0), xattrs=(), holes=None,
    )  # fmt: skip


@st.composite
def images(draw: st.DrawFn) -> list[list[Entry]]:
    """Some layers; hard links lead to what is there, as a rule."""
    linkable: list[bytes] = [b"a"]
    image = []
    describes_parents = draw(st.booleans())
    for _ in range(draw(st.integers(1, 4))):
        layer: list[Entry] = []
        for path in draw(st.lists(PATHS, max_size=8, unique=draw(st.booleans()))):
            kind = draw(KINDS)
            layer.append(entry(path, kind, draw(TARGETS) if kind is Kind.SYMLINK else b"", len(layer)))
            if kind is Kind.FILE and b".wh." not in path:
                linkable.append(path)
            if draw(st.integers(0, 6)) == 0:
                target = draw(st.sampled_from(linkable))
                layer.append(entry(draw(PATHS), Kind.HARD_LINK, target, len(layer)))
        image.append(_with_parents(layer) if describes_parents else layer)
    return image


def _with_parents(layer: list[Entry]) -> list[Entry]:
    """Begin with a description of every directory, as Docker's layers do; leave out what is not one then."""
    above = {path for item in layer for path in _parents(item.path)}
    kept = [item for item in layer if item.path not in above]
    items = [entry(path, Kind.DIRECTORY) for path in sorted(above) if b".wh." not in path] + kept
    return [item._replace(position=n) for n, item in enumerate(items)]


def _parents(path: bytes) -> list[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[:n]) for n in range(1, len(parts))]


Image = dict[bytes, object]


def in_one_pass(image: list[list[Entry]]) -> Image:
    """Give each path's origin: layer and position of the content, or of the directory's description."""
    overlay = Overlay(lambda _entry: False)
    made: Image = {}
    described: Image = {}
    for number in reversed(range(len(image))):
        for item in image[number]:
            verdict = overlay.decide(item)
            if verdict is Verdict.LINK:
                made[item.path] = made[overlay.target(item)]
            elif verdict is Verdict.WRITE and item.kind is Kind.DIRECTORY:
                described[item.path] = (number, item.position)
            elif verdict is Verdict.WRITE:
                assert item.path not in made, "written twice"
                made[item.path] = (number, item.position)
        overlay.end_layer()
    implied = dict.fromkeys(overlay.implied | {b""})
    return implied | described | made


def by_index(image: list[list[Entry]]) -> Image:
    tree = Tree()
    origins: dict[int, int] = {}
    for number, items in enumerate(image):
        tree.apply(number, items)
        origins.update({id(item): number for item in items})
    found: Image = {}
    for path, node in tree.walk():
        if isinstance(node, Directory):
            found[path] = None if node.entry is None else (origins[id(node.entry)], node.entry.position)
        else:
            found[path] = (node.layer, node.entry.position)
    return found


@given(image=images())
@settings(max_examples=500, deadline=None)
def test_one_pass_decides_as_the_index_does_or_not_at_all(image: list[list[Entry]]) -> None:
    try:
        once = in_one_pass(image)
    except NeedsIndex:
        event("needs the index")
        return
    except EntryRefused:
        event("refused")
        with pytest.raises(EntryRefused):
            by_index(image)
        return
    event("decided")
    assert once == by_index(image)


def test_a_layer_as_docker_writes_it_needs_no_index() -> None:
    hard_link = entry(b"d/y", Kind.HARD_LINK, b"d/x")
    lower = [entry(b"d", Kind.DIRECTORY), entry(b"d/x"), hard_link, entry(b"s", position=3)]
    upper = [entry(b"d", Kind.DIRECTORY), entry(b"d/.wh.x"), entry(b"d/.wh.y"), entry(b"d/z", position=3)]
    assert in_one_pass([lower, upper]) == {b"": None, b"d": (1, 0), b"d/z": (1, 3), b"s": (0, 3)}


@pytest.mark.parametrize(
    ("why", "image"),
    [
        ("twice", [[entry(b"x"), entry(b"x")]]),
        ("hard link to what was not written", [[entry(b"x"), entry(b"y", Kind.HARD_LINK, b"x")], [entry(b"x")]]),
        ("used as a directory above", [[entry(b"d", Kind.SYMLINK, b"e")], [entry(b"d/x")]]),
        (
            "used as a directory above",
            [[entry(b"d", Kind.SYMLINK, b"e")], [entry(b"d/x"), entry(b"d", Kind.DIRECTORY)]],
        ),
        ("used as a directory in the layer", [[entry(b"d", Kind.SYMLINK, b"e"), entry(b"d/x")]]),
    ],
)
def test_what_one_pass_cannot_decide_is_said(why: str, image: list[list[Entry]]) -> None:
    with pytest.raises(NeedsIndex, match=why):
        in_one_pass(image)
