"""Makes the images of the benchmark as OCI layouts: `images.py DIRECTORY {S,M,L}` (as root, with network).

S is a minimal Debian in one layer. M is S with python3, gcc, numpy, scipy, pandas and matplotlib, and layers
that clean up. L is M with PyTorch for CPUs and 1 GiB that does not compress. Needs debootstrap and umoci. What
is there already is not made again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

SUITE = "bookworm"
INSTALL = "apt-get -qq -o APT::Install-Recommends=false -o Dpkg::Use-Pty=0 install -y"
CLEAN = "rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/share/doc /usr/share/man /usr/share/locale"

STEPS = {
    "M": [
        f"apt-get -qq update && {INSTALL} python3",
        f"{INSTALL} gcc libc6-dev",
        f"{INSTALL} python3-numpy python3-scipy",
        f"{INSTALL} python3-pandas python3-matplotlib",
        "find / -xdev -name __pycache__ -prune -exec rm -rf {} +",
        CLEAN,
    ],
    "L": [
        f"apt-get -qq update && {INSTALL} python3-torch && {CLEAN}",
        "head -c 1073741824 /dev/urandom > /opt/noise",
    ],
}
BASES = {"M": "S", "L": "M"}


def main() -> None:
    """Make the image that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("image", choices=["S", "M", "L"])
    parser.add_argument("--mirror", help="in place of debootstrap's own")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    make(arguments.directory.absolute(), arguments.image, arguments.mirror)


def make(directory: Path, image: str, mirror: str | None) -> None:
    """Make an image, and before it the one that it begins with."""
    layout = directory / image
    if layout.exists():
        return
    unfinished = directory / f"{image}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    if image == "S":
        make_base(directory, unfinished, mirror)
    else:
        make(directory, BASES[image], mirror)
        shutil.copytree(directory / BASES[image], unfinished)
        add_layers(directory, unfinished, image)
    unfinished.rename(layout)


def make_base(directory: Path, layout: Path, mirror: str | None) -> None:
    """Make S: a minimal Debian in one layer."""
    root = directory / "S.root"
    run("debootstrap", "--variant=minbase", SUITE, root, *([] if mirror is None else [mirror]))
    run("chroot", root, "/bin/sh", "-c", "apt-get clean && rm -rf /var/lib/apt/lists/*")
    run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", f"{layout}:bench")
    run("umoci", "insert", "--image", f"{layout}:bench", root, "/")
    shutil.rmtree(root)


def add_layers(directory: Path, layout: Path, image: str) -> None:
    """Run an image's steps in its tree, and make a layer of what each has changed."""
    bundle = directory / f"{image}.bundle"
    run("umoci", "unpack", "--image", f"{layout}:bench", bundle)
    root = bundle / "rootfs"
    for step in STEPS[image]:
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        run("chroot", root, "/usr/bin/env", "DEBIAN_FRONTEND=noninteractive", "/bin/sh", "-c", step)
        run("umoci", "repack", "--refresh-bundle", "--image", f"{layout}:bench", bundle)
    shutil.rmtree(bundle)


def run(*command: str | Path) -> None:
    """Run a program that has to succeed."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
