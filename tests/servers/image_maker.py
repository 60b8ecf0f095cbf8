"""Real images made by umoci and skopeo from small trees."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests

from imagegw.domain.oci import INDEX_TYPES, MANIFEST_TYPES


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


def decompress(source: str, directory: Path) -> str:
    """The same image with its layers as plain tar, so that a push compresses them as it is told to."""
    _run("skopeo", "--insecure-policy", "copy", "-q", "--dest-decompress", source, f"dir:{directory}")
    return f"dir:{directory}"


def push_index(host: str, name: str, entries: Sequence[Mapping[str, Any]], media_type: str) -> str:
    """The digest of an index of these entries, which the registry now has as *name* (``repo:tag``)."""
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": list(entries)}
    body = json.dumps(document).encode()
    repository, _, tag = name.partition(":")
    url = f"http://{host}/v2/{repository}/manifests/{tag}"
    answer = requests.put(url, data=body, headers={"Content-Type": media_type}, timeout=30)
    if answer.status_code != HTTPStatus.CREATED:
        raise RuntimeError(f"the registry does not take the index: {answer.text}")
    return answer.headers["Docker-Content-Digest"]


def entry(host: str, name: str, **more: Any) -> dict[str, Any]:
    """What an index says of a manifest that the registry has as *name*."""
    repository, _, tag = name.partition(":")
    accepted = ", ".join(MANIFEST_TYPES | INDEX_TYPES)
    answer = requests.head(
        f"http://{host}/v2/{repository}/manifests/{tag}", headers={"Accept": accepted}, timeout=30
    )
    return {
        "mediaType": answer.headers["Content-Type"],
        "digest": answer.headers["Docker-Content-Digest"],
        "size": int(answer.headers["Content-Length"]),
        **more,
    }


def _run(*arguments: str) -> None:
    done = subprocess.run(arguments, capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments[0]} failed: {done.stderr.decode(errors='replace')}")
