"""The demonstration's images: made of Debian's own packages, kept in `.cache/demo` for the next run."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from demonstration.programs import demand, output_of
from demonstration.telling import tell

TAG = "demo"
_SOURCES = Path(__file__)
_SHELL = "/bin/sh"


@dataclass(frozen=True, kw_only=True)
class DemoImage:
    """An image in an OCI layout, and what must be found in the file that is made of it."""

    name: str
    layout: Path
    files: Mapping[str, str | None]
    """Path: content as the top layer has it. None: a layer has deleted it."""
    program: tuple[str, ...]
    """What to run in it, without needing `/dev` or `/proc`."""
    says: str
    """What the program's output begins with."""

    @property
    def source(self) -> str:
        """As skopeo and `imagegw convert` call it."""
        return f"oci:{self.layout}:{TAG}"


def busybox(cache: Path) -> DemoImage:
    """One layer with Debian's static busybox; any user can make it."""
    demand(["umoci", "busybox"])
    return DemoImage(
        name="busybox",
        layout=_cached(cache, "busybox", _make_busybox),
        files={"etc/motd": "busybox of the demonstration\n"},
        program=("/bin/busybox", "sh", "-c", "echo shell of $(/bin/busybox | /bin/busybox head -n 1)"),
        says="shell of BusyBox",
    )


def debian(cache: Path) -> DemoImage:
    """Debian itself, under six layers that add, change and delete; needs root, as debootstrap does."""
    demand(["umoci", "debootstrap"])
    return DemoImage(
        name="debian",
        layout=_cached(cache, "debian", _make_debian),
        files={
            "opt/demo/version": "3\n",
            "opt/demo/kept": "from the second layer\n",
            "opt/demo/conf/new.conf": "of the opaque layer\n",
            "opt/demo/conf/old.conf": None,
            "opt/demo/old-data": None,
            "usr/share/doc/bash/copyright": None,
            "etc/motd": "changed by the top layer\n",
        },
        program=("/opt/demo/report",),
        says="version 3 on Debian ",
    )


def _cached(cache: Path, name: str, make: Callable[[Path, Path], None]) -> Path:
    """The layout in the cache; made now if it is missing or another version of this file made it."""
    recipe = hashlib.sha256(_SOURCES.read_bytes()).hexdigest()[:12]
    wanted = cache / f"{name}-{recipe}"
    if wanted.is_dir():
        tell(f"{name}: {wanted} is there already")
        return wanted
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache))
    try:
        layout, trees = work / "layout", work / "trees"
        trees.mkdir()
        output_of("umoci", "init", "--layout", layout)
        output_of("umoci", "new", "--image", f"{layout}:{TAG}")
        make(layout, trees)
        layout.rename(wanted)  # the name appears only when all of it is there
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return wanted


def _make_busybox(layout: Path, trees: Path) -> None:
    tree = trees / "busybox"
    binary = Path(shutil.which("busybox") or "/bin/busybox")
    _write(tree, {"etc/motd": "busybox of the demonstration\n"})
    (tree / "bin").mkdir()
    shutil.copy(binary, tree / "bin" / "busybox")
    for applet in output_of(binary, "--list").split():
        if applet != "busybox":
            (tree / "bin" / applet).symlink_to("busybox")
    _insert(layout, tree, "/")
    _configure(layout, _SHELL)


def _make_debian(layout: Path, trees: Path) -> None:
    root = trees / "debian"
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    tell(f"debian: debootstrap of {release}, which takes a few minutes the first time")
    output_of("debootstrap", "--variant=minbase", release, root)
    for archive in (root / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    tell("debian: six more layers, which add, change and delete")
    _insert(layout, root, "/")
    _add(layout, trees / "2", _SECOND_LAYER, "/opt/demo")
    _add(layout, trees / "3", {"version": "2\n"}, "/opt/demo")
    output_of("umoci", "insert", "--image", f"{layout}:{TAG}", "--whiteout", "/opt/demo/old-data")
    output_of("umoci", "insert", "--image", f"{layout}:{TAG}", "--whiteout", "/usr/share/doc")
    _write(trees / "6", {"new.conf": "of the opaque layer\n"})
    _insert(layout, trees / "6", "/opt/demo/conf", "--opaque")
    _write(trees / "7", {"opt/demo/version": "3\n", "etc/motd": "changed by the top layer\n"})
    _insert(layout, trees / "7", "/")
    _configure(layout, "/opt/demo/report")


_SECOND_LAYER = {
    "version": "1\n",
    "kept": "from the second layer\n",
    "old-data": "deleted by the fourth layer\n" * 1000,
    "conf/old.conf": "hidden by the sixth layer\n",
    "report": (
        "#!/bin/sh\n"
        'echo "version $(cat /opt/demo/version) on Debian $(cat /etc/debian_version)'
        ' with $(dpkg-query --show | wc -l) packages"\n'
    ),
}


def _add(layout: Path, tree: Path, files: Mapping[str, str], target: str) -> None:
    _write(tree, files)
    _insert(layout, tree, target)


def _write(tree: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        if content.startswith("#!"):
            path.chmod(0o755)


def _insert(layout: Path, tree: Path, target: str, *options: str) -> None:
    """Put a tree into the image as one more layer."""
    output_of("umoci", "insert", "--image", f"{layout}:{TAG}", *options, tree, target)


def _configure(layout: Path, command: str) -> None:
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    settings = ("--architecture", architecture, "--os", "linux", "--config.cmd", command)
    output_of("umoci", "config", "--image", f"{layout}:{TAG}", *settings)


def is_root() -> bool:
    """Whether debootstrap, mounts and chroot may be tried."""
    return os.geteuid() == 0
