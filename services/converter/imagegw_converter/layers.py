"""Which entries of which layers make the image, decided in one pass from the top layer down.

An entry counts unless an upper layer has taken its path or hidden it. Three things cannot be decided so, and
raise :class:`NeedsIndex`: that a later entry of the same layer replaces one that is written already; that a hard
link leads to what was not written from its own layer; and that a layer relies on a directory which a lower layer
turns out to have as something else (a symlink, as a rule, through which the path then leads). They are rare,
and :mod:`imagegw_converter.tree` decides them with all headers at hand. Where this module decides, it decides as
that one.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from imagegw_converter import whiteout
from imagegw_converter.tar.entry import EntryRefused, Kind
from imagegw_converter.tar.path import parent
from imagegw_converter.whiteout import Whiteout

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagegw_converter.tar.entry import Entry


class NeedsIndex(Exception):
    """One pass does not suffice for this image."""


class Verdict(Enum):
    """What becomes of an entry."""

    SKIP = auto()
    WRITE = auto()
    LINK = auto()
    """Write as a hard link to what :meth:`Overlay.target` names."""


class Overlay:
    """What the layers read so far have taken and hidden.

    Call :meth:`decide` for each entry of a layer in order, :meth:`end_layer` after each layer.
    """

    def __init__(self, is_dropped: Callable[[Entry], bool]) -> None:
        self._is_dropped = is_dropped
        self._taken: dict[bytes, bool] = {}
        """Path -> whether it is a directory."""
        self._hidden: set[bytes] = set()
        self._opaque: set[bytes] = set()
        self._relied_on: set[bytes] = set()
        """Directories that a layer used without describing them."""
        self.implied: set[bytes] = set()
        """Directories that the image has because a layer put something there, described or not."""
        self._layer = _OwnLayer()

    def decide(self, entry: Entry) -> Verdict:
        """Say what becomes of an entry.

        Raises:
            NeedsIndex: that cannot be said yet.
            EntryRefused: it is a malformed whiteout, or would make the root something else than a directory.
        """
        own, path = self._layer, entry.path
        mark = whiteout.read(path)
        if mark is not None:
            if isinstance(mark, Whiteout):
                own.add_whiteout(mark)
            return Verdict.SKIP
        if entry.kind is Kind.DIRECTORY:
            own.make_parents(path)
            return self._decide_directory(path)
        if not path:
            raise EntryRefused(b"/", "the root is a directory")
        own.make_parents(path)
        if path in self._relied_on or path in own.made or path in own.above_whiteouts:
            raise NeedsIndex(_said("is used as a directory above, and is none here", path))
        if self._taken.get(path):
            own.opaque.add(path)  # below this layer the path was something else than the directory above
        return self._decide_leaf(entry)

    def _decide_directory(self, path: bytes) -> Verdict:
        own = self._layer
        if path in own.leaves:
            raise NeedsIndex(_said("is twice in a layer, once as a directory", path))
        own.directories.add(path)
        return Verdict.SKIP if self._is_covered(path) else Verdict.WRITE

    def _decide_leaf(self, entry: Entry) -> Verdict:
        own, path = self._layer, entry.path
        if path in own.leaves or path in own.directories:
            raise NeedsIndex(_said("is twice in a layer", path))
        is_link = entry.kind is Kind.HARD_LINK
        first = own.leaves.get(entry.link) if is_link else path
        if first is None:
            raise NeedsIndex(_said("is a hard link to what its layer does not have before it", path))
        if self._is_covered(path) or self._is_dropped(entry):
            own.leaves[path] = path
            own.unwritten.add(path)
            return Verdict.SKIP
        if first in own.unwritten:
            raise NeedsIndex(_said("is a hard link to what was not written", path))
        own.leaves[path] = first
        return Verdict.LINK if is_link else Verdict.WRITE

    def target(self, entry: Entry) -> bytes:
        """Give the path under which the content was written that a hard link names."""
        return self._layer.leaves[entry.path]

    def end_layer(self) -> None:
        """Make the layer an upper one."""
        own = self._layer
        self.implied.update(path for path in own.made - own.directories if not self._is_covered(path))
        self._taken.update((path, False) for path in own.leaves if path not in self._taken)
        self._taken.update((path, True) for path in own.directories if path not in self._taken)
        self._hidden |= own.hidden
        self._opaque |= own.opaque
        self._relied_on -= own.directories
        self._relied_on |= own.undescribed | (own.above_whiteouts - own.directories)
        self._layer = _OwnLayer()

    def _is_covered(self, path: bytes) -> bool:
        return path in self._taken or path in self._hidden or (path != b"" and self._is_closed(parent(path)))

    def _is_closed(self, directory: bytes) -> bool:
        """Say whether upper layers let nothing of a directory through."""
        closed = self._layer.closed
        known = closed.get(directory)
        if known is None:
            known = (
                directory in self._hidden
                or directory in self._opaque
                or self._taken.get(directory) is False
                or (directory != b"" and self._is_closed(parent(directory)))
            )
            closed[directory] = known
        return known


class _OwnLayer:
    """What the layer that is being read has shown so far."""

    def __init__(self) -> None:
        self.leaves: dict[bytes, bytes] = {}
        """Path of everything but directories -> the path under which its content was written."""
        self.unwritten: set[bytes] = set()
        """Those whose content was not written: covered, or dropped by the policy."""
        self.directories: set[bytes] = set()
        self.hidden: set[bytes] = set()
        self.opaque: set[bytes] = set()
        self.made: set[bytes] = set()
        """Directories above something that it puts there."""
        self.undescribed: set[bytes] = set()
        """Those of them that it had not described before: entries count in order."""
        self.above_whiteouts: set[bytes] = set()
        """Directories above something that it hides; whiteouts count as if they stood last."""
        self.closed: dict[bytes, bool] = {}

    def add_whiteout(self, mark: Whiteout) -> None:
        """Note what a whiteout hides, and every directory above that.

        Raises:
            NeedsIndex: this layer has one of them as something else.
        """
        (self.opaque if mark.opaque else self.hidden).add(mark.path)
        directory = mark.path if mark.opaque else parent(mark.path)
        while directory not in self.above_whiteouts:
            self._check_directory(directory)
            self.above_whiteouts.add(directory)
            directory = parent(directory)

    def make_parents(self, path: bytes) -> None:
        """Note every directory above a path.

        Raises:
            NeedsIndex: this layer has one of them as something else.
        """
        directory = parent(path)
        while directory not in self.made:
            self._check_directory(directory)
            self.made.add(directory)
            if directory not in self.directories:
                self.undescribed.add(directory)
            directory = parent(directory)

    def _check_directory(self, path: bytes) -> None:
        if path in self.leaves:
            raise NeedsIndex(_said("is used as a directory in the layer that has it as none", path))


def _said(what: str, path: bytes) -> str:
    return f"{path.decode('utf-8', 'backslashreplace')} {what}"
