"""Proof that the file on the platform is the image: listed, read, mounted, and a program of it run."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from demonstration.images import DemoImage, is_root
from demonstration.programs import output_of
from demonstration.telling import DemoFailed, tell

_STAT_LINES = ("Filesystem size", "Compression", "Number of inodes", "Creation or last append time")
_ROOT = "squashfs-root"

# In a mount namespace of its own, so that the mount is gone with the program, however that ends.
_MOUNT_AND_RUN = """
mount -t squashfs -o loop,ro,nosuid,nodev "$1" "$2" || exit 99
shift
directory=$1
shift
exec chroot "$directory" "$@"
"""
_NO_MOUNT = 99


def describe(squashfs: Path) -> None:
    """What unsquashfs says of the file."""
    facts = [
        line for line in output_of("unsquashfs", "-stat", squashfs).splitlines() if line.startswith(_STAT_LINES)
    ]
    for line in facts:
        tell(line.strip())
    meta = squashfs.with_suffix(".meta")
    if not meta.is_file():
        raise DemoFailed(f"{meta.name} is not beside the image")
    tell(f"unsquashfs -l: {len(_listing(squashfs))} entries; {meta.name} is beside it")


def check_files(squashfs: Path, files: Mapping[str, str | None]) -> None:
    """Return if every file is as the top layer has it, and the deleted ones are not there."""
    listing = _listing(squashfs)
    for path, content in files.items():
        is_there = f"{_ROOT}/{path}" in listing
        if content is None and is_there:
            raise DemoFailed(f"/{path} is in the image, though a layer has deleted it")
        if content is not None and (not is_there or output_of("unsquashfs", "-cat", squashfs, path) != content):
            raise DemoFailed(f"/{path} is not what the top layer has: expected {content!r}")
        tell(f"/{path}: {'deleted' if content is None else 'as in the top layer'}")


def run_program(squashfs: Path, image: DemoImage, scratch: Path) -> str:
    """Run the image's program, mounted if this user may, else unpacked; in a word how."""
    said, how = run_in(squashfs, image.program, scratch)
    if not said.startswith(image.says):
        raise DemoFailed(f"the program in the image said {said!r}, expected {image.says!r} …")
    tell(f"{how}: {image.program[0]} says: {said.strip()}")
    return how


def run_in(squashfs: Path, program: Sequence[str], scratch: Path) -> tuple[str, str]:
    """What a program of the image prints, and how it was run."""
    target = scratch / "mounted"
    target.mkdir(exist_ok=True)
    if is_root():
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", _MOUNT_AND_RUN, "sh", squashfs, target, *program],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return done.stdout, "loop-mounted, in a chroot"
        if done.returncode != _NO_MOUNT:
            raise DemoFailed(
                f"{program[0]} in the mounted image ended with {done.returncode}: {done.stderr[-300:]}"
            )
        tell(f"left out: the mount, which this machine does not allow ({done.stderr.strip()[-200:]})")
    unpacked = scratch / "unpacked"
    output_of("unsquashfs", "-no-progress", "-quiet", "-force", "-dest", unpacked, squashfs)
    if is_root():
        return output_of("chroot", unpacked, *program), "unpacked, in a chroot"
    tell("left out: mount and chroot, which need root; the program is run from the unpacked image")
    return output_of(unpacked / program[0].lstrip("/"), *program[1:]), "unpacked"


def sha256_of(file: Path) -> str:
    """The digest of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def holds(squashfs: Path, path: str) -> bool:
    """Whether the image has that path."""
    return f"{_ROOT}/{path}" in _listing(squashfs)


def _listing(squashfs: Path) -> set[str]:
    return set(output_of("unsquashfs", "-l", squashfs).splitlines())
