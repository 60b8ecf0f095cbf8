"""Compares `imagegw convert` with what the older gateway runs: `compare.py DIRECTORY {S,M,L} [--rounds N]`.

DIRECTORY holds the images that `images.py` made. Each round runs, one after another on the same image:

- `older`: skopeo copy, umoci unpack --rootless, mksquashfs as it comes (gzip 9)
- `tuned`: the same as root and with zstd 3
- `ours`: skopeo copy, imagegw convert

so each of them reads the image once more than `imagegw convert` alone would, which is given as `convert`. Times
are medians of wall-clock seconds; memory is the largest sum of resident memory over all processes at one moment,
looked at 50 times a second; bytes written are what the kernel charged to the processes.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ZSTD_3 = ("-comp", "zstd", "-Xcompression-level", "3")
LOOK_EVERY_S = 0.02


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run took."""

    seconds: float
    peak_bytes: int
    written_bytes: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            seconds=self.seconds + other.seconds,
            peak_bytes=max(self.peak_bytes, other.peak_bytes),
            written_bytes=self.written_bytes + other.written_bytes,
        )


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("image", choices=["S", "M", "L"])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    layout = (arguments.directory / arguments.image).absolute()
    rounds: list[dict[str, Cost]] = []
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory(dir=arguments.directory) as work:
            rounds.append(run_round(layout, Path(work)))
    report(layout, rounds)


def run_round(layout: Path, work: Path) -> dict[str, Cost]:
    """Run every way once."""
    copied = work / "copied"
    copy = measured("skopeo", "copy", "-q", f"oci:{layout}:bench", f"oci:{copied}:bench")
    imagegw = Path(sys.executable).with_name("imagegw")
    convert = measured(imagegw, "convert", f"oci:{copied}:bench", "-o", work / "ours.squashfs")
    check_that_it_runs(work / "ours.squashfs", work / "mnt")
    older = by_tree(copied, work / "older", ["--rootless"], [])
    tuned = by_tree(copied, work / "tuned", [], ZSTD_3)
    return {"convert": convert, "ours": copy + convert, "tuned": copy + tuned, "older": copy + older}


def by_tree(layout: Path, work: Path, unpack: list[str], squash: list[str] | tuple[str, ...]) -> Cost:
    """Unpack to a directory and make the image file of that."""
    cost = measured("umoci", "unpack", *unpack, "--image", f"{layout}:bench", work)
    cost += measured("mksquashfs", work / "rootfs", f"{work}.squashfs", "-quiet", "-no-progress", *squash)
    shutil.rmtree(work)
    return cost


def check_that_it_runs(image: Path, mount: Path) -> None:
    """Mount an image file with the kernel and run a program in it; needs root."""
    mount.mkdir()
    run("mount", "-t", "squashfs", "-o", "loop,ro,nosuid,nodev", image, mount)
    try:
        assert run("chroot", "--userspec=65534:65534", mount, "/bin/sh", "-c", "echo it runs") == "it runs\n"
    finally:
        run("umount", mount)


def run(*command: str | Path) -> str:
    """Run a program that has to succeed, and give what it says."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def measured(*command: str | Path) -> Cost:
    """Run a program that has to succeed, with nothing left to write from before."""
    os.sync()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    watch = MemoryWatch(process.pid)
    if process.wait() != 0:
        sys.exit(f"{command[0]} failed with status {process.returncode}")
    seconds = time.monotonic() - started
    written = 512 * (resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock - before)
    return Cost(seconds=seconds, peak_bytes=watch.stop(), written_bytes=written)


class MemoryWatch:
    """Looks again and again how much memory a process and its descendants have."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self._peak = max(self._peak, resident_bytes(self._pid))

    def stop(self) -> int:
        """Give the largest sum seen."""
        self._ended.set()
        self._thread.join()
        return self._peak


def resident_bytes(pid: int) -> int:
    """Give what a process and its descendants hold; nothing if it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        listed = "".join(task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children"))
    except OSError:
        return 0
    return pages * resource.getpagesize() + sum(resident_bytes(int(child)) for child in listed.split())


def report(layout: Path, rounds: list[dict[str, Cost]]) -> None:
    """Print medians, and how much longer the others take than `ours`, pair by pair."""
    layers = sum(file.stat().st_size for file in (layout / "blobs").rglob("*") if file.is_file())
    print(f"{layout.name}: {layers / 1e6:.0f} MB in blobs, {len(rounds)} rounds")
    print(f"{'way':10}{'seconds':>9}{'peak MB':>9}{'written MB':>12}{'times ours':>12}{'times convert':>15}")
    for way in rounds[0]:
        costs = [each[way] for each in rounds]
        ratios = [
            statistics.median(each[way].seconds / each[base].seconds for each in rounds)
            for base in ("ours", "convert")
        ]
        print(
            f"{way:10}{statistics.median(cost.seconds for cost in costs):9.2f}"
            f"{max(cost.peak_bytes for cost in costs) / 1e6:9.0f}"
            f"{statistics.median(cost.written_bytes for cost in costs) / 1e6:12.0f}"
            f"{ratios[0]:12.1f}{ratios[1]:15.1f}"
        )


if __name__ == "__main__":
    main()
