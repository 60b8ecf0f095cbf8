"""How long a fetch takes, and how much memory, beside `skopeo copy` from the same registry to the same disk.

    python bench/fetch.py [--mib 1024] [--runs 3] [--directory DIR]

Two images: one of a single layer of so many MiB, and one of 20 layers of half as many together. The figures
are ratios within one run; both tools verify every byte and leave the blobs on the disk.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"

OURS = """
import pathlib, sys
from imagegw.domain.manifests import blobs_of
from imagegw.domain.oci import Architecture
from imagegw.domain.progress import ignore_progress
from imagegw.domain.reference import Reference
from imagegw.registry.client import RegistryClient
from imagegw.registry.settings import InPlaceRetry, LocationSettings
from imagegw.store.directory import DirectoryStore
from imagegw_puller.fetch import FetchLimits, fetch
url, repository, root = sys.argv[1:]
client = RegistryClient(LocationSettings(name="bench", url=url), retry=InPlaceRetry())
resolved = client.resolve(Reference(location="bench", repository=repository, tag="1"), None)
found = client.platform_manifest(repository, resolved.digest, Architecture(architecture="amd64"), None)
source, store = client.blobs(repository, None), DirectoryStore(pathlib.Path(root))
fetch(blobs_of(found.manifest), source=source, store=store, claim="bench", progress=ignore_progress,
      limits=FetchLimits())
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one run."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def measure(arguments: list[str]) -> Cost:
    """What running a program to its end costs."""
    started = time.monotonic()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments[0]
    return Cost(
        seconds=time.monotonic() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
    )


def make_image(layout: Path, layer_mib: list[int]) -> None:
    """An OCI layout of incompressible layers; nothing here unpacks them."""
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)
    layers = [add_layer(blobs, mib) for mib in layer_mib]
    diff_ids = [layer["digest"] for layer in layers]
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": add_blob(blobs, json.dumps(config).encode(), CONFIG_TYPE),
        "layers": layers,
    }
    entry = add_blob(blobs, json.dumps(manifest).encode(), MANIFEST_TYPE)
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


def add_layer(blobs: Path, mib: int) -> dict[str, object]:
    """Random bytes as a gzip stream, so that no tool compresses them on the way."""
    path = blobs / "new"
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=0) as packed:
        for _ in range(mib):
            packed.write(os.urandom(MIB))
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            hasher.update(chunk)
    size = path.stat().st_size
    path.rename(blobs / hasher.hexdigest())
    return {"mediaType": LAYER_TYPE, "digest": f"sha256:{hasher.hexdigest()}", "size": size}


def add_blob(blobs: Path, body: bytes, media_type: str) -> dict[str, object]:
    """A small blob and its descriptor."""
    encoded = hashlib.sha256(body).hexdigest()
    (blobs / encoded).write_bytes(body)
    return {"mediaType": media_type, "digest": f"sha256:{encoded}", "size": len(body)}


def compare(name: str, url: str, directory: Path, runs: int) -> None:
    """Runs both in turn and prints medians and their ratio."""
    host, target = url.partition("://")[2], directory / "target"
    skopeo = ["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false"]
    programs: dict[str, Callable[[], list[str]]] = {
        "skopeo": lambda: [*skopeo, f"docker://{host}/bench/{name}:1", f"oci:{target}:1"],
        "imagegw": lambda: [sys.executable, "-c", OURS, url, f"bench/{name}", str(target)],
    }
    costs: dict[str, list[Cost]] = {program: [] for program in programs}
    for _ in range(runs):
        for program, arguments in programs.items():
            shutil.rmtree(target, ignore_errors=True)
            os.sync()
            costs[program].append(measure(arguments()))
    medians = {program: statistics.median(cost.seconds for cost in found) for program, found in costs.items()}
    for program, found in costs.items():
        cpu = statistics.median(cost.cpu_seconds for cost in found)
        peak = max(cost.peak_mib for cost in found)
        print(f"{name:10} {program:8} {medians[program]:6.2f} s  cpu {cpu:5.2f} s  peak {peak:5.0f} MiB")
    print(f"{name:10} ratio    {medians['imagegw'] / medians['skopeo']:6.2f}")


def main() -> None:
    """Makes the images, starts a registry, compares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=None, help="where the data goes, about five times --mib")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from tests.servers.docker_registry import docker_registry  # noqa: PLC0415 -- needs the path set above

    with tempfile.TemporaryDirectory(dir=options.directory) as made:
        directory = Path(made)
        images = {"one": [options.mib], "twenty": [max(options.mib // 40, 1)] * 20}
        with docker_registry(directory / "registry") as registry:
            for name, layers in images.items():
                make_image(directory / name, layers)
                push = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false"]
                target = f"docker://{registry.host}/bench/{name}:1"
                subprocess.run([*push, f"oci:{directory / name}", target], check=True)
                shutil.rmtree(directory / name)
                compare(name, registry.url, directory, options.runs)


if __name__ == "__main__":
    main()
