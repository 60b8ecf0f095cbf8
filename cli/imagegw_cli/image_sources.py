"""Images on the local disk, as what a conversion reads: OCI layouts and `docker save` archives."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from imagegw.errors import BlobMissing, ManifestInvalid, ManifestUnknown, RequestInvalid
from imagegw_converter.source import ConversionInput, Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_MANIFEST_BYTES = 4 << 20
_TAG = "org.opencontainers.image.ref.name"
_INDEXES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MAX_NESTING = 4

Json = dict[str, Any]


def open_source(source: str) -> ConversionInput:
    """Give the image that ``oci:DIR[:TAG]`` or ``docker-archive:FILE`` names.

    Raises:
        RequestInvalid: it is neither.
        ManifestUnknown: there is no such image.
        ManifestInvalid: what is there is not what its specification says.
    """
    transport, _, rest = source.partition(":")
    opener = SOURCES.get(transport)
    if opener is None or not rest:
        message = f"SOURCE is {' or '.join(f'{name}:…' for name in SOURCES)}, found {source}"
        raise RequestInvalid(message)
    return opener(rest)


def open_oci_layout(rest: str) -> ConversionInput:
    """Read an OCI image layout (image-spec, "image-layout"), of its images that with the tag, or the only one."""
    directory, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        directory, tag = rest, ""
    layout = Path(directory)
    index = _json(_read(layout / "index.json"), "index.json")
    listed = [entry for entry in _list(index, "manifests") if not tag or _annotation(entry) == tag]
    if len(listed) != 1:
        found = ", ".join(sorted(_annotation(entry) or "(untagged)" for entry in _list(index, "manifests")))
        message = f"{layout} has {len(listed)} images {f'tagged {tag}' if tag else ''}, expected one of: {found}"
        raise ManifestUnknown(message)
    digest, manifest = _manifest(layout, listed[0])
    config = _verified(layout, manifest.get("config", {}))
    return ConversionInput(
        manifest_digest=digest,
        layers=[
            Layer(
                digest=str(layer.get("digest")),
                diff_id=diff_id,
                media_type=str(layer.get("mediaType", "")),
                size_bytes=int(layer.get("size", 0)),
                open=partial(_open_blob, layout, str(layer.get("digest"))),
            )
            for layer, diff_id in _paired(_list(manifest, "layers"), config)
        ],
    )


def _manifest(layout: Path, descriptor: Json) -> tuple[str, Json]:
    """Follow indexes to this host's image."""
    for _ in range(_MAX_NESTING):
        document = _verified(layout, descriptor)
        kind = descriptor.get("mediaType") or document.get("mediaType")
        if kind not in _INDEXES and "manifests" not in document:
            return str(descriptor["digest"]), document
        descriptor = _for_this_host(_list(document, "manifests"))
    message = f"{layout}: indexes are nested more than {_MAX_NESTING} times"
    raise ManifestInvalid(message)


def _for_this_host(descriptors: Sequence[Json]) -> Json:
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    for descriptor in descriptors:
        wanted = descriptor.get("platform", {})
        if wanted.get("os") == "linux" and wanted.get("architecture") == architecture:
            return descriptor
    message = f"the index has no image for linux/{architecture}"
    raise ManifestUnknown(message)


def _verified(layout: Path, descriptor: Json) -> Json:
    digest = str(descriptor.get("digest"))
    data = _read(_blob_path(layout, digest))
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if digest != found:
        message = f"{layout}: expected a blob {digest}, found {found}"
        raise ManifestInvalid(message)
    return _json(data, digest)


def _blob_path(layout: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    if not (algorithm.isalnum() and value.isalnum()):
        message = f"{digest} is no digest"
        raise ManifestInvalid(message)
    return layout / "blobs" / algorithm / value


def _open_blob(layout: Path, digest: str) -> BinaryIO:
    try:
        return _blob_path(layout, digest).open("rb")
    except FileNotFoundError as error:
        raise BlobMissing(digest) from error


def open_docker_archive(rest: str) -> ConversionInput:
    """Read the one image of a ``docker save`` archive. Its manifest digest is that of its configuration."""
    archive = Path(rest)
    try:
        with tarfile.open(archive, "r:") as tar:
            members = {str(PurePosixPath(member.name)): member for member in tar if not member.isdir()}
            image = _only_image(archive, _member_bytes(tar, _followed(members, "manifest.json")))
            config = _member_bytes(tar, _followed(members, str(image.get("Config"))))
    except FileNotFoundError as error:
        message = f"there is no file {archive}"
        raise ManifestUnknown(message) from error
    except (tarfile.TarError, OSError) as error:
        message = f"{archive} is no uncompressed docker-archive: {error}"
        raise ManifestInvalid(message) from error
    names = [{"name": str(name)} for name in image.get("Layers") or []]
    return ConversionInput(
        manifest_digest=f"sha256:{hashlib.sha256(config).hexdigest()}",
        layers=[
            _archived_layer(archive, _followed(members, layer["name"]), diff_id)
            for layer, diff_id in _paired(names, _json(config, "configuration"))
        ],
    )


def _only_image(archive: Path, manifest: bytes) -> Json:
    images = json.loads(manifest)
    if not isinstance(images, list) or len(images) != 1 or not isinstance(images[0], dict):
        message = f"{archive} holds {len(images)} images, expected one"
        raise ManifestInvalid(message)
    return images[0]


def _member_bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None or member.size > MAX_MANIFEST_BYTES:
        message = f"{member.name} is no file of at most {MAX_MANIFEST_BYTES} bytes"
        raise ManifestInvalid(message)
    return file.read()


def _followed(members: Mapping[str, tarfile.TarInfo], name: str) -> tarfile.TarInfo:
    """Give a member; older archives have a layer that several images share once, and links to it."""
    member = members.get(str(PurePosixPath(name)))
    if member is not None and (member.issym() or member.islnk()):
        base = PurePosixPath(name).parent if member.issym() else PurePosixPath()
        target = _collapsed(base / member.linkname)
        member = members.get(target)
    if member is None or not member.isreg():
        message = f"the archive has no file {name}"
        raise ManifestInvalid(message)
    return member


def _collapsed(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts = parts[:-1]
        else:
            parts.append(part)
    return "/".join(parts)


def _archived_layer(archive: Path, member: tarfile.TarInfo, diff_id: str) -> Layer:
    return Layer(
        digest=diff_id,
        diff_id=diff_id,
        media_type="application/vnd.docker.image.rootfs.diff.tar",
        size_bytes=member.size,
        open=partial(_open_section, archive, member.offset_data, member.size),
    )


def _open_section(archive: Path, offset: int, size: int) -> BinaryIO:
    return io.BufferedReader(_Section(archive, offset, size))


class _Section(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, path: Path, offset: int, size: int) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._file.seek(offset)
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        got = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= got
        return got

    def close(self) -> None:
        self._file.close()
        super().close()


def _paired(layers: Sequence[Json], config: Json) -> list[tuple[Json, str]]:
    rootfs = config.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(layers):
        found = len(diff_ids) if isinstance(diff_ids, list) else "no"
        message = f"the manifest has {len(layers)} layers, the configuration {found} diff_ids"
        raise ManifestInvalid(message)
    return [(layer, str(diff_id)) for layer, diff_id in zip(layers, diff_ids, strict=True)]


def _annotation(descriptor: Json) -> str:
    return str((descriptor.get("annotations") or {}).get(_TAG, ""))


def _list(document: Json, key: str) -> list[Json]:
    found = document.get(key)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        message = f"expected a list {key} of objects, found {type(found).__name__}"
        raise ManifestInvalid(message)
    return found


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            message = f"{path} is larger than {MAX_MANIFEST_BYTES} bytes"
            raise ManifestInvalid(message)
        return path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ManifestUnknown(message) from error


def _json(data: bytes, what: str) -> Json:
    try:
        document = json.loads(data)
    except ValueError as error:
        message = f"{what} is no JSON: {error}"
        raise ManifestInvalid(message) from error
    if not isinstance(document, dict):
        message = f"{what}: expected an object, found {type(document).__name__}"
        raise ManifestInvalid(message)
    return document


SOURCES: Mapping[str, Callable[[str], ConversionInput]] = {
    "oci": open_oci_layout,
    "docker-archive": open_docker_archive,
}
