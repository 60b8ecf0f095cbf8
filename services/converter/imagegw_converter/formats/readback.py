"""Reads a squashfs file with the readers of both code bases."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from imagegw.errors import ResultWrong, ToolMissing
from imagegw_converter.formats import programs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PIECE = 1 << 18
_LAST_WORDS = 400


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A program that lists a squashfs file and gives the content of what is in it."""

    name: str
    version_argument: str
    list_arguments: Sequence[str]
    cat_arguments: Sequence[str]
    """Before the file."""
    path_first: bool
    """Whether the path inside stands before the image file."""
    root_lines: int
    """How many lines of a listing are the root's."""

    def count_names(self, file: Path) -> int:
        """Count the lines of a listing of everything below the root."""
        with self._run([*self.list_arguments, str(file)]) as process:
            lines = 0
            last = b"\n"
            while piece := process.read(_PIECE):
                lines += piece.count(b"\n")
                last = piece
        return lines + (not last.endswith(b"\n")) - self.root_lines

    def content_digest(self, file: Path, path: bytes) -> str:
        """Give the sha256 of a file's content."""
        image = os.fsencode(file)
        operands = [path, image] if self.path_first else [image, path]
        digest = hashlib.sha256()
        with self._run([*self.cat_arguments, *operands]) as process:
            while piece := process.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def _run(self, arguments: Sequence[str | bytes]) -> _Output:
        return _Output([self.name, *arguments])


class _Output:
    """What a program writes; its failure is the image's."""

    def __init__(self, command: Sequence[str | bytes]) -> None:
        self._command = command

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._tail = b""
        return self

    def read(self, size: int) -> bytes:
        if self._process.stdout is None:
            return b""
        piece = self._process.stdout.read(size)
        self._tail = (self._tail + piece)[-_LAST_WORDS:]
        return piece

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._process.kill()
        status = self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        if kind is None and status != 0:
            words = self._tail.decode(errors="replace").strip()
            message = f"{self._command[0]!s} cannot read what was written, exit status {status}: {words}"
            raise ResultWrong(message)


UNSQUASHFS = Reader(
    name="unsquashfs",
    version_argument="-version",
    list_arguments=("-ls",),
    cat_arguments=("-no-wildcards", "-cat"),
    path_first=False,
    root_lines=1,
)
RDSQUASHFS = Reader(
    name="rdsquashfs",
    version_argument="--version",
    list_arguments=("--describe",),
    cat_arguments=("--cat",),
    path_first=True,
    root_lines=0,
)


def reader_for(writer: str) -> Reader:
    """Give the reader that shares no code with the writer, or else the one that does.

    Raises:
        ToolMissing: the host has neither.
    """
    order = (UNSQUASHFS, RDSQUASHFS) if writer == "tar2sqfs" else (RDSQUASHFS, UNSQUASHFS)
    for reader in order:
        if programs.is_installed(reader.name):
            return reader
    message = f"neither {order[0].name} nor {order[1].name} is installed, so the result cannot be checked"
    raise ToolMissing(message)
