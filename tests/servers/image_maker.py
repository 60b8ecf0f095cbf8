"""Real images made by umoci and skopeo from small trees."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any


def is_installed() -> bool:
    """Whether this machine can make them."""
    return shutil.which("umoci") is not None and shutil.which("skopeo") is not None


def make_image(directory: Path, *, layers: int = 2, architecture: str = "amd64", seed: str = "") -> str:
    """An OCI layout with one image of so many small layers; what skopeo calls it."""
    layout = directory / f"layout-{architecture}{seed}"
    image = f"{layout}:image"
    _run("umoci", "init", "--layout", str(layout))
    _run("umoci", "new", "--image", image)
    for number in range(layers):
        tree = directory / f"tree-{architecture}{seed}-{number}"
        tree.mkdir(parents=True)
        (tree / f"file-{number}").write_text(f"{seed} {number} {architecture}\n" * 1000)
        _run("umoci", "insert", "--image", image, str(tree), f"/layer-{number}")
    _run("umoci", "config", "--image", image, "--architecture", architecture, "--config.env", "WHO=imagegw")
    return f"oci:{image}"


def push(source: str, host: str, name: str, *, options: tuple[str, ...] = ()) -> str:
    """The digest under which the registry has what *source* names now; pushed as *name* (``repo:tag``)."""
    digest_file = Path(source.split(":")[1]).parent / f"digest-{abs(hash((source, host, name)))}"
    arguments = ["--dest-tls-verify=false", "--digestfile", str(digest_file), *options]
    _run("skopeo", "--insecure-policy", "copy", "-q", *arguments, source, f"docker://{host}/{name}")
    return digest_file.read_text().strip()


def inspect_layout(source: str) -> dict[str, Any]:
    """The manifest of an image in an OCI layout."""
    done = subprocess.run(
        ["skopeo", "inspect", "--raw", source], stdout=subprocess.PIPE, check=True, timeout=60
    )
    manifest: dict[str, Any] = json.loads(done.stdout)
    return manifest


def _run(*arguments: str) -> None:
    done = subprocess.run(arguments, capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments[0]} failed: {done.stderr.decode(errors='replace')}")
