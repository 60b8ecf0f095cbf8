"""Reads an image's layers and feeds an assembler: in one pass, or with an index of headers when that is needed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from imagegw.errors import LayerInvalid, LayerRefused, StoreFailed
from imagegw_converter import policy as policies
from imagegw_converter.layer_stream import LayerStream
from imagegw_converter.layers import Overlay, Verdict
from imagegw_converter.limits import Budget
from imagegw_converter.tar.entry import Entry, EntryRefused, Kind, TarError
from imagegw_converter.tar.reader import TarReader
from imagegw_converter.tree import Directory, Leaf, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagegw.domain.conversion import Limits, Policy
    from imagegw_converter.assembler import Assembler
    from imagegw_converter.source import ConversionInput

Names = dict[tuple[int, int], list[bytes]]
"""Layer and index of each entry that makes the image -> the paths under which it is there."""


class LayerPass:
    """One reading of the layers, each to its end and checked against its digest.

    Args:
        image: what is read.
        limits: where it counts as hostile.
        on_read: called with the compressed bytes read of all layers so far; may raise to stop.
    """

    def __init__(self, image: ConversionInput, limits: Limits, on_read: Callable[[int], None]) -> None:
        self._layers = image.layers
        self._on_read = on_read
        self._before = 0
        self.budget = Budget(limits)

    def top_first(self) -> list[int]:
        return list(reversed(range(len(self._layers))))

    def bottom_first(self) -> list[int]:
        return list(range(len(self._layers)))

    @contextmanager
    def reading(self, number: int) -> Iterator[_LayerEntries]:
        """Open a layer; what is not read of it in the context is read after it.

        Raises:
            LayerInvalid: it cannot be read, or is not what its digest says.
            LayerRefused: it breaks a rule.
            StoreFailed: its blob cannot be read.
        """
        layer = self._layers[number]
        where = f"layer {number + 1} of {len(self._layers)}, {layer.digest}"
        self.budget.begin_layer()
        try:
            with layer.open() as blob:
                stream = LayerStream(blob, layer, self.budget, self._seen)
                yield _LayerEntries(TarReader(stream), self.budget)
                stream.finish()
        except TarError as error:
            message = f"{where}: {error}"
            raise LayerInvalid(message) from error
        except EntryRefused as error:
            name = error.name.decode("utf-8", "backslashreplace")
            message = f"{where}, entry {name}: {error.rule}"
            raise LayerRefused(message) from error
        except OSError as error:
            message = f"{where}: its blob cannot be read: {error}"
            raise StoreFailed(message) from error
        self._before += layer.size_bytes

    def _seen(self, of_this_layer: int) -> None:
        self._on_read(self._before + of_this_layer)


class _LayerEntries:
    """The entries of an open layer, counted."""

    def __init__(self, reader: TarReader, budget: Budget) -> None:
        self.reader = reader
        self._budget = budget

    def __iter__(self) -> Iterator[Entry]:
        take = self._budget.take_entry
        for entry in self.reader:
            take(entry)
            yield entry


def stream_once(layers: LayerPass, policy: Policy, assembler: Assembler) -> None:
    """Read the layers top first and write what counts.

    Raises:
        NeedsIndex: that does not suffice; what was written is void.
    """
    overlay = Overlay(lambda entry: policies.is_dropped(policy, entry))
    for number in layers.top_first():
        with layers.reading(number) as entries:
            for entry in entries:
                verdict = overlay.decide(entry)
                if verdict is Verdict.LINK:
                    assembler.add_link(entry.path, entry, overlay.target(entry))
                elif verdict is Verdict.WRITE:
                    _write(entry, entries.reader, assembler)
            overlay.end_layer()
    assembler.finish(overlay.implied)


def _write(entry: Entry, reader: TarReader, assembler: Assembler) -> None:
    if entry.kind is Kind.DIRECTORY:
        assembler.describe(entry.path, entry)
    else:
        assembler.add_leaf(entry.path, entry, reader)


def index(layers: LayerPass) -> Tree:
    """Read the layers' headers, the lowest layer first."""
    tree = Tree()
    for number in layers.bottom_first():
        with layers.reading(number) as entries:
            tree.apply(number, entries)
    return tree


def write_indexed(layers: LayerPass, tree: Tree, policy: Policy, assembler: Assembler) -> None:
    """Read the layers again and write what the tree holds."""
    names, directories = _names(tree, policy, assembler)
    for number in layers.top_first():
        with layers.reading(number) as entries:
            for entry in entries:
                paths = names.get((number, entry.position))
                if paths is not None:
                    assembler.add_leaf(paths[0], entry, entries.reader)
                    for path in paths[1:]:
                        assembler.add_link(path, entry, paths[0])
    assembler.finish(directories)


def _names(tree: Tree, policy: Policy, assembler: Assembler) -> tuple[Names, list[bytes]]:
    """Give the names that the policy lets through, and the directories; describe those to the assembler."""
    names: Names = {}
    directories = []
    for path, node in tree.walk():
        if isinstance(node, Directory):
            directories.append(path)
            if node.entry is not None:
                assembler.describe(path, node.entry)
        elif _is_wanted(policy, path, node):
            names.setdefault((node.layer, node.entry.position), []).append(path)
    return names, directories


def _is_wanted(policy: Policy, path: bytes, leaf: Leaf) -> bool:
    return not policies.is_dropped(policy, leaf.entry._replace(path=path))
