"""Writes the entries that make the image, in the order in which they are decided, as one tar stream."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from imagegw.domain.conversion import EntryCounts
from imagegw_converter import policy as policies
from imagegw_converter.sample import Sample, Tee
from imagegw_converter.tar import writer as tar
from imagegw_converter.tar.entry import Entry, Kind
from imagegw_converter.tar.path import parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imagegw.domain.conversion import Policy
    from imagegw_converter.limits import Budget
    from imagegw_converter.policy import Attributes
    from imagegw_converter.tar.reader import TarReader

_NEWLINE = b"\n"


class Assembler:
    """The image's tar stream.

    Directories are kept until the end, since an entry of a lower layer, or a later one of the same, may still
    describe them; both squashfs tools take them after their content.
    """

    def __init__(self, sink: Callable[[bytes | memoryview], None], policy: Policy, budget: Budget) -> None:
        self._sink = sink
        self._policy = policy
        self._budget = budget
        self._directories: dict[bytes, Attributes] = {}
        self._kinds: Counter[Kind] = Counter()
        self._has_newlines = False
        self.sample = Sample()

    def add_leaf(self, path: bytes, entry: Entry, reader: TarReader) -> None:
        """Write anything but a directory or a hard link, with its content from the reader."""
        attributes = policies.apply(self._policy, entry)
        self._budget.take_owners(path, attributes.uid, attributes.gid)
        self._note(path, entry.kind)
        link = entry.link if entry.kind is Kind.SYMLINK else b""
        self._sink(tar.header(path, entry.kind, attributes, size=entry.size, link=link, device=entry.device))
        if not entry.size:
            return
        if self.sample.wants(path, entry.size):
            tee = Tee(self._sink)
            reader.copy_content(entry, tee.write)
            self.sample.add(path, tee.hexdigest())
        else:
            reader.copy_content(entry, self._sink)
        self._sink(tar.padding(entry.size))

    def add_link(self, path: bytes, entry: Entry, target: bytes) -> None:
        """Write another name for what was written as ``target``."""
        self._note(path, Kind.HARD_LINK)
        self._sink(tar.header(path, Kind.HARD_LINK, policies.apply(self._policy, entry), link=target))

    def describe(self, path: bytes, entry: Entry) -> None:
        """Remember a directory's attributes; of two descriptions the later one counts."""
        if not policies.is_dropped_path(self._policy, path):
            attributes = policies.apply(self._policy, entry)
            self._budget.take_owners(path, attributes.uid, attributes.gid)
            self._directories[path] = attributes

    def finish(self, implied: Iterable[bytes]) -> None:
        """Write the directories, those too that nothing describes, and the end."""
        directories = self._directories
        for path in [b"", *implied, *directories]:
            if not policies.is_dropped_path(self._policy, path):
                self._complete(path)
        for path in sorted(directories):
            self._note(path, Kind.DIRECTORY)
            self._sink(tar.header(path, Kind.DIRECTORY, directories[path]))
        self._sink(tar.END)

    def _complete(self, path: bytes) -> None:
        """Give a directory, and those above it, attributes if they have none."""
        while path not in self._directories:
            self._directories[path] = policies.IMPLIED_DIRECTORY
            path = parent(path)

    def _note(self, path: bytes, kind: Kind) -> None:
        self._kinds[kind] += 1
        if _NEWLINE in path:
            self._has_newlines = True

    def counts(self) -> EntryCounts:
        kinds = self._kinds
        return EntryCounts(
            directories=kinds[Kind.DIRECTORY],
            files=kinds[Kind.FILE],
            symlinks=kinds[Kind.SYMLINK],
            hard_links=kinds[Kind.HARD_LINK],
            devices=kinds[Kind.CHARACTER_DEVICE] + kinds[Kind.BLOCK_DEVICE],
            fifos=kinds[Kind.FIFO],
        )

    def listed_names(self) -> int | None:
        """Give how many lines a listing of the image has without its root; None if names hold line breaks."""
        return None if self._has_newlines else sum(self._kinds.values()) - 1
