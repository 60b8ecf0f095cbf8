"""Which entries make the image, decided from the headers of all layers, the lowest layer first.

The exact form of :mod:`imagegw_converter.layers`, for images that one pass cannot decide: a file system of names
in memory to which each layer is applied, as an unpacker would on disk. Paths lead through symlinks within the
image and never out of it. Within a layer whiteouts count first (OCI image layer: they hide lower layers only,
wherever they stand), then entries in order, so that the last of one path wins.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from imagegw_converter import whiteout
from imagegw_converter.tar.entry import EntryRefused, Kind
from imagegw_converter.whiteout import Whiteout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagegw_converter.tar.entry import Entry

MAX_SYMLINKS = 255
"""On the way of one path; as many as umoci follows."""


class Leaf:
    """Anything but a directory; the same object under several names is a file with hard links."""

    __slots__ = ("entry", "layer")

    def __init__(self, layer: int, entry: Entry) -> None:
        self.layer = layer
        self.entry = entry


class Directory:
    """A directory and what it holds by name."""

    __slots__ = ("children", "entry")

    def __init__(self) -> None:
        self.children: dict[bytes, Leaf | Directory] = {}
        self.entry: Entry | None = None
        """What describes it; None: no layer does."""


class Tree:
    """The image as the layers applied so far make it."""

    def __init__(self) -> None:
        self.root = Directory()

    def apply(self, layer: int, entries: Iterable[Entry]) -> None:
        """Lay a layer over the tree.

        Raises:
            EntryRefused: a hard link to nothing or to a directory, symlinks without end, a malformed whiteout,
                or a root that is no directory.
        """
        marks, ordinary = _sorted_out(entries)
        directories = {entry.path for entry in ordinary if entry.kind is Kind.DIRECTORY}
        links = [entry for entry in ordinary if entry.kind is Kind.HARD_LINK]
        below = {entry.link: self._find(entry.link) for entry in links}
        for mark in marks:
            self._hide(mark, directories)
        waiting: list[tuple[Directory, bytes, Leaf]] = []
        for entry in ordinary:
            if entry.kind is Kind.DIRECTORY:
                self._put_directory(entry)
                continue
            if not entry.path:
                raise EntryRefused(b"/", "the root is a directory")
            directory, name = self._place(entry)
            leaf = self._leaf(layer, entry, below)
            directory.children[name] = leaf
            if leaf.entry.kind is Kind.HARD_LINK:
                waiting.append((directory, name, leaf))
        self._connect(waiting)

    def _leaf(self, layer: int, entry: Entry, below: dict[bytes, Leaf | Directory | None]) -> Leaf:
        """Give what an entry puts under its name; a link whose target is still to come stands for itself."""
        if entry.kind is not Kind.HARD_LINK:
            return Leaf(layer, entry)
        target = self._find(entry.link)
        if target is None:
            target = below[entry.link]  # hidden by this very layer: the link keeps the old content
        if isinstance(target, Directory):
            raise EntryRefused(entry.path, f"a hard link to a directory, {_text(entry.link)}")
        return Leaf(layer, entry) if target is None else target

    def _connect(self, waiting: list[tuple[Directory, bytes, Leaf]]) -> None:
        """Give links that came before their targets their content.

        A round connects at least one link of each chain, or there is nothing at its end.
        """
        while waiting:
            left = []
            for directory, name, leaf in waiting:
                if directory.children.get(name) is not leaf:
                    continue  # a later entry has replaced it
                target = self._find(leaf.entry.link)
                if isinstance(target, Leaf) and target.entry.kind is not Kind.HARD_LINK:
                    directory.children[name] = target
                else:
                    left.append((directory, name, leaf))
            if len(left) == len(waiting):
                entry = left[0][2].entry
                raise EntryRefused(entry.path, f"a hard link to nothing, {_text(entry.link)}")
            waiting = left

    def _put_directory(self, entry: Entry) -> None:
        if not entry.path:
            self.root.entry = entry
            return
        directory, name = self._place(entry)
        child = directory.children.get(name)
        if not isinstance(child, Directory):
            child = directory.children[name] = Directory()
        child.entry = entry

    def _place(self, entry: Entry) -> tuple[Directory, bytes]:
        """Give the directory that an entry goes into, made if it is missing, and its name there."""
        parent, _, name = entry.path.rpartition(b"/")
        directory = self._walk(parent, make=True)
        if directory is None:
            raise EntryRefused(entry.path, "its directory does not exist")
        return directory, name

    def _hide(self, mark: Whiteout, described: set[bytes]) -> None:
        """Take away what a whiteout hides.

        A symlink on the way is followed, unless the whiteout's own layer makes a directory in its place: then
        the whiteout speaks of that directory, and below there is nothing for it to hide.
        """
        path = mark.path if mark.opaque else mark.path.rpartition(b"/")[0]
        directory = self._walk(path, make=False, never_through=described)
        if directory is None:
            return
        if mark.opaque:
            directory.children.clear()
        else:
            directory.children.pop(mark.path.rpartition(b"/")[2], None)

    def _find(self, path: bytes) -> Leaf | Directory | None:
        parent, _, name = path.rpartition(b"/")
        directory = self._walk(parent, make=False)
        if directory is None or not name:
            return directory
        return directory.children.get(name)

    def _walk(
        self, path: bytes, *, make: bool, never_through: set[bytes] | frozenset[bytes] = frozenset()
    ) -> Directory | None:
        """Follow a path of directories and symlinks; ``..`` of the root is the root.

        With ``make``, what is missing or no directory becomes one.
        """
        stack = [self.root]
        todo = deque(part for part in path.split(b"/") if part)
        literal = len(todo)
        followed = 0
        while todo:
            name = todo.popleft()
            child = stack[-1].children.get(name)
            if name == b"..":
                del stack[max(len(stack) - 1, 1) :]
            elif isinstance(child, Directory):
                stack.append(child)
            elif child is not None and child.entry.kind is Kind.SYMLINK:
                if followed == 0 and _first_parts(path, literal - len(todo)) in never_through:
                    return None
                followed += 1
                if followed > MAX_SYMLINKS:
                    raise EntryRefused(path, f"its path leads through more than {MAX_SYMLINKS} symlinks")
                stack = [self.root] if child.entry.link.startswith(b"/") else stack
                todo.extendleft(reversed(_steps(child.entry.link)))
            elif make:
                stack[-1].children[name] = made = Directory()
                stack.append(made)
            else:
                return None
        return stack[-1]

    def walk(self) -> Iterator[tuple[bytes, Leaf | Directory]]:
        """Give every path and what is there, the root first, a directory's names sorted."""
        yield b"", self.root
        stack = [(b"", self.root)]
        while stack:
            prefix, directory = stack.pop()
            for name in sorted(directory.children):
                child = directory.children[name]
                yield prefix + name, child
                if isinstance(child, Directory):
                    stack.append((prefix + name + b"/", child))


def _sorted_out(entries: Iterable[Entry]) -> tuple[list[Whiteout], list[Entry]]:
    marks: list[Whiteout] = []
    ordinary: list[Entry] = []
    for entry in entries:
        mark = whiteout.read(entry.path)
        if mark is None:
            ordinary.append(entry)
        elif isinstance(mark, Whiteout):
            marks.append(mark)
    return marks, ordinary


def _steps(target: bytes) -> list[bytes]:
    return [part for part in target.split(b"/") if part not in {b"", b"."}]


def _first_parts(path: bytes, count: int) -> bytes:
    return b"/".join(path.split(b"/")[:count])


def _text(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
