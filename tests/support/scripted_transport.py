"""The local transport with something happening in the middle, and what stands in its directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from imagegw_shipper.transports.local import LocalTransport
from tests.support.delivering import NAMES, Site, squashfs

BODY = squashfs(os.urandom(3 << 20))
OTHER = squashfs(b"another tool made this")
SLEEPER = "5" * 32


class Scripted(LocalTransport):
    """The real transport, with something happening before one of its methods."""

    def __init__(self, directory: Path, **before: Callable[[], object]) -> None:
        super().__init__(directory)
        self.before = before
        self.read_names: list[str] = []

    def _happen(self, method: str) -> None:
        self.before.pop(method, lambda: None)()

    def read(self, name: str) -> Iterator[bytes]:
        self.read_names.append(name)
        yield from super().read(name)
        self._happen("after_read")

    def write(self, name: str, content: bytes) -> None:
        self._happen("write")
        super().write(name, content)

    def name_new(self, temporary: str, name: str) -> bool:
        self._happen("name_new")
        return super().name_new(temporary, name)

    def replace(self, temporary: str, name: str) -> None:
        self._happen("replace")
        super().replace(temporary, name)

    def remove(self, name: str) -> None:
        if name == NAMES.file:
            self._happen("remove")
        super().remove(name)


def names_in(site: Site) -> set[str]:
    return {path.name for path in site.image_dir.iterdir()}


def ours() -> set[str]:
    return {NAMES.file, NAMES.meta}
