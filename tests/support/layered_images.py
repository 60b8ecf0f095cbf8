"""Layered images made by hand, and trees on disk as values that can be compared."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from imagegw.domain.conversion import ConversionOptions, Policy
from imagegw.domain.progress import ignore_progress
from imagegw_converter.conversion import convert
from imagegw_converter.source import ConversionInput, Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagegw.domain.conversion import ConversionRecord

KEEP_ALL = Policy(ownership="keep", modes="keep", setuid="keep", xattrs="keep", devices="keep", dev_content="keep")
TIME = 1_500_000_000
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One entry of a layer to be made."""

    name: str
    kind: bytes = tarfile.REGTYPE
    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = TIME
    link: str = ""
    device: tuple[int, int] = (0, 0)
    pax: tuple[tuple[str, str], ...] = ()


def file(name: str, content: bytes | str = b"", **attributes: Any) -> Item:
    data = content.encode() if isinstance(content, str) else content
    return Item(name=name, content=data, **attributes)


def directory(name: str, mode: int = 0o755, **attributes: Any) -> Item:
    return Item(name=name, kind=tarfile.DIRTYPE, mode=mode, **attributes)


def symlink(name: str, target: str, **attributes: Any) -> Item:
    return Item(name=name, kind=tarfile.SYMTYPE, link=target, mode=0o777, **attributes)


def hard_link(name: str, target: str, **attributes: Any) -> Item:
    return Item(name=name, kind=tarfile.LNKTYPE, link=target, **attributes)


def whiteout(path: str) -> Item:
    parent, _, name = path.rpartition("/")
    return file(f"{parent}/.wh.{name}" if parent else f".wh.{name}")


def opaque(path: str) -> Item:
    return file(f"{path}/.wh..wh..opq" if path else ".wh..wh..opq")


def tar_of(items: Sequence[Item], tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    """Give the items as an archive."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tar_format, errors="surrogateescape") as tar:
        for item in items:
            info = tarfile.TarInfo(item.name)
            info.type, info.mode, info.mtime = item.kind, item.mode, item.mtime
            info.uid, info.gid, info.linkname = item.uid, item.gid, item.link
            info.devmajor, info.devminor = item.device
            info.size = len(item.content)
            info.pax_headers = dict(item.pax)
            tar.addfile(info, io.BytesIO(item.content))
    return made.getvalue()


def layer_of(archive: bytes, *, compress: Callable[[bytes], bytes] = gzip.compress, **changed: Any) -> Layer:
    """Give an archive as a layer; ``changed`` fields are not what they should be."""
    blob = compress(archive)
    fields: dict[str, Any] = {
        "digest": _digest(blob),
        "diff_id": _digest(archive),
        "media_type": GZIP_LAYER,
        "size_bytes": len(blob),
        "open": lambda: io.BytesIO(blob),
    }
    return Layer(**(fields | changed))


def image_of(*layers: Sequence[Item] | bytes | Layer) -> ConversionInput:
    """Give an image of layers, the lowest first."""
    made = [
        layer if isinstance(layer, Layer) else layer_of(layer if isinstance(layer, bytes) else tar_of(layer))
        for layer in layers
    ]
    return ConversionInput(manifest_digest="sha256:" + "0" * 64, layers=made)


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def write_oci_layout(target: Path, image: ConversionInput, tag: str = "t") -> Path:
    """Write an image as an OCI layout, for tools that read one."""
    blobs = target / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, media_type: str) -> dict[str, Any]:
        digest = _digest(data)
        (blobs / digest.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    layers = []
    for layer in image.layers:
        with layer.open() as blob:
            layers.append(put(blob.read(), layer.media_type))
    diff_ids = [layer.diff_id for layer in image.layers]
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    described = put(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")
    media_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": described,
        "layers": layers,
    }
    entry = put(json.dumps(manifest).encode(), media_type)
    entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
    (target / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (target / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return target


class Node(NamedTuple):
    """What stands at a path of a tree."""

    kind: str
    mode: int
    owner: tuple[int, int]
    mtime: int
    content: bytes
    """Of a file its bytes, of a symlink its target, of a device its number."""
    links: tuple[bytes, ...]
    """The other names of the same file."""


Tree = dict[bytes, Node]


def tree_on_disk(root: Path) -> Tree:
    """Give everything below a directory, and itself as the empty path."""
    top = os.fsencode(root)
    found: dict[bytes, os.stat_result] = {b"": os.lstat(top)}
    for where, directories, files in os.walk(top):
        for name in directories + files:
            path = where + b"/" + name
            found[path[len(top) + 1 :]] = os.lstat(path)
    names: dict[int, list[bytes]] = {}
    for path, status in found.items():
        names.setdefault(status.st_ino, []).append(path)
    return {path: _node(top, path, status, names[status.st_ino]) for path, status in found.items()}


def _node(top: bytes, path: bytes, status: os.stat_result, names: list[bytes]) -> Node:
    content = b""
    full = top + b"/" + path
    if stat.S_ISREG(status.st_mode):
        with open(full, "rb") as stream:  # noqa: PTH123 - the path is bytes
            content = stream.read()
    elif stat.S_ISLNK(status.st_mode):
        content = os.readlink(full)  # noqa: PTH115 - the path is bytes
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        content = str(status.st_rdev).encode()
    return Node(
        kind=stat.filemode(status.st_mode)[0],
        mode=stat.S_IMODE(status.st_mode),
        owner=(status.st_uid, status.st_gid),
        mtime=int(status.st_mtime),
        content=content,
        links=tuple(sorted(name for name in names if name != path)),
    )


def unpack_squashfs(image: Path, target: Path) -> Tree:
    """Unpack an image file with unsquashfs, and give what it holds."""
    subprocess.run(
        ["unsquashfs", "-no-progress", "-quiet", "-dest", target, image], check=True, capture_output=True
    )
    return tree_on_disk(target)


class Converted(NamedTuple):
    record: ConversionRecord
    tree: Tree


def convert_in(where: Path, image: ConversionInput, policy: Policy = KEEP_ALL, **options: Any) -> Converted:
    """Convert an image and unpack the result."""
    output = where / "image.squashfs"
    record = convert(image, ConversionOptions(policy=policy, **options), output, ignore_progress)
    return Converted(record, unpack_squashfs(output, where / "unpacked"))
