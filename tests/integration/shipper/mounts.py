"""File systems of their own for a test; only root may mount."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")


@contextmanager
def mounted(at: Path, *arguments: str) -> Iterator[Path]:
    """`mount` with these arguments; undone at the end."""
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", *arguments, str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


@contextmanager
def btrfs(at: Path) -> Iterator[Path]:
    """A file system that shares extents."""
    if shutil.which("mkfs.btrfs") is None:
        pytest.skip("no mkfs.btrfs here (package btrfs-progs)")
    if "btrfs" not in Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has no btrfs")
    volume = at.with_suffix(".volume")
    with volume.open("wb") as file:
        file.truncate(256 << 20)
    subprocess.run(["mkfs.btrfs", "-q", str(volume)], check=True)
    with mounted(at, "-o", "loop", str(volume)) as there:
        yield there
