"""From a reference at a real registry to verified blobs in the directory store."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from imagegw.domain.manifests import blobs_of
from imagegw.domain.oci import DOCKER_LIST, OCI_INDEX, Architecture
from imagegw.domain.progress import ignore_progress
from imagegw.domain.reference import Reference
from imagegw.errors import BlobCorrupt, NoMatchingPlatform
from imagegw.registry.client import RegistryClient
from imagegw.registry.found import PlatformManifest
from imagegw.store.directory import DirectoryStore
from imagegw_puller.fetch import FetchLimits, fetch
from tests.integration.registry.conftest import QUICK, MakeClient
from tests.servers import image_maker
from tests.servers.docker_registry import DockerRegistry

pytestmark = pytest.mark.integration

AMD64 = Architecture(architecture="amd64")
NO_LIMITS = FetchLimits(retry=QUICK)


def read(store: DirectoryStore, digest: str) -> bytes:
    with store.open(digest) as file:
        return file.read()


def test_an_image_is_resolved_and_fetched_whole(
    registry: DockerRegistry, image: str, make_client: MakeClient, store_root: Path
) -> None:
    digest = image_maker.push(image, registry.host, "team/whole:1")
    client, store = make_client(registry.url), DirectoryStore(store_root)
    reported: list[tuple[int, int | None]] = []

    resolved = client.resolve(Reference(location="test", repository="team/whole", tag="1"), None)
    found = client.platform_manifest("team/whole", resolved.digest, AMD64, None)
    blobs = blobs_of(found.manifest)
    fetch(
        blobs,
        source=client.blobs("team/whole", None),
        store=store,
        claim="c1",
        progress=lambda done, total: reported.append((done, total)),
        limits=NO_LIMITS,
    )

    whole = sum(blob.size_bytes for blob in blobs)
    assert resolved.digest == digest
    assert resolved.public
    assert found.config.config.env == ("WHO=imagegw",)
    assert len(found.config.rootfs.diff_ids) == len(found.manifest.layers) == 3
    assert [len(read(store, blob.digest)) for blob in blobs] == [blob.size_bytes for blob in blobs]
    assert reported[-1] == (whole, whole)
    assert list((store_root / "uploads").iterdir()) == []


@pytest.fixture(scope="module")
def families(registry: DockerRegistry, image: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Images of both families, compressions and two architectures: name and media type of a layer."""
    arm = image_maker.make_image(tmp_path_factory.mktemp("arm"), architecture="arm64")
    host = registry.host
    image_maker.push(image, host, "kinds/all:oci")
    image_maker.push(image, host, "kinds/all:docker", options=("--format", "v2s2"))
    # An image of its own: skopeo would find that the registry has the other's layers by gzip, and take those.
    directory = tmp_path_factory.mktemp("zstd")
    plain = image_maker.decompress(image_maker.make_image(directory, seed="zstd"), directory / "plain")
    image_maker.push(plain, host, "kinds/all:zstd", options=("--dest-compress-format", "zstd"))
    image_maker.push(arm, host, "kinds/all:arm64", options=("--format", "v2s2"))
    return {
        "oci": "application/vnd.oci.image.layer.v1.tar+gzip",
        "docker": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
    }


@pytest.mark.parametrize("tag", ["oci", "docker", "zstd"])
def test_both_families_and_compressions_are_taken(
    registry: DockerRegistry, families: dict[str, str], make_client: MakeClient, store_root: Path, tag: str
) -> None:
    client, store = make_client(registry.url), DirectoryStore(store_root)
    resolved = client.resolve(Reference(location="test", repository="kinds/all", tag=tag), None)
    found = client.platform_manifest("kinds/all", resolved.digest, AMD64, None)
    fetch_all(client, store, found)

    assert {layer.media_type for layer in found.manifest.layers} == {families[tag]}
    assert all(store.has(blob.digest) for blob in blobs_of(found.manifest))


@pytest.mark.usefixtures("families")
@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_the_platforms_manifest_is_found_in_an_index_and_in_an_index_within(
    registry: DockerRegistry, make_client: MakeClient, media_type: str
) -> None:
    host = registry.host
    amd64 = image_maker.entry(host, "kinds/all:docker", platform=platform("amd64"))
    arm64 = image_maker.entry(host, "kinds/all:arm64", platform=platform("arm64", variant="v8"))
    attestation = image_maker.entry(host, "kinds/all:oci", platform=platform("unknown", os="unknown"))
    image_maker.push_index(host, "kinds/all:inner", [attestation, arm64, amd64], media_type)
    inner = image_maker.entry(host, "kinds/all:inner")
    outer = image_maker.push_index(host, "kinds/all:outer", [inner], media_type)
    client = make_client(registry.url)

    for wanted, expected in (("amd64", amd64), ("arm64", arm64)):
        architecture = Architecture(architecture=wanted)
        for digest in (inner["digest"], outer):
            found = client.platform_manifest("kinds/all", digest, architecture, None)
            assert found.digest == expected["digest"]
    with pytest.raises(NoMatchingPlatform, match="riscv64, found linux/arm64/v8, linux/amd64"):
        client.platform_manifest("kinds/all", inner["digest"], Architecture(architecture="riscv64"), None)


def platform(architecture: str, *, os: str = "linux", **more: str) -> dict[str, str]:
    return {"architecture": architecture, "os": os, **more}


def test_a_spoilt_blob_of_a_real_registry_is_noticed(
    registry: DockerRegistry, make_client: MakeClient, store_root: Path, tmp_path: Path
) -> None:
    digest = image_maker.push(image_maker.make_image(tmp_path, seed="spoilt"), registry.host, "team/spoilt:1")
    client, store = make_client(registry.url), DirectoryStore(store_root)
    found = client.platform_manifest("team/spoilt", digest, AMD64, None)
    path = registry.blob_path(found.manifest.layers[0].digest)
    body = path.read_bytes()
    path.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    with pytest.raises(BlobCorrupt):
        fetch_all(client, store, found, "team/spoilt")

    assert not store.has(found.manifest.layers[0].digest)
    path.write_bytes(body)
    fetch_all(client, store, found, "team/spoilt")
    assert read(store, found.manifest.layers[0].digest) == body


@pytest.mark.usefixtures("families")
def test_another_tool_has_the_same_blobs_byte_for_byte(
    registry: DockerRegistry, make_client: MakeClient, tmp_path: Path
) -> None:
    client, store = make_client(registry.url), DirectoryStore(tmp_path / "ours")
    resolved = client.resolve(Reference(location="test", repository="kinds/all", tag="oci"), None)
    found = client.platform_manifest("kinds/all", resolved.digest, AMD64, None)
    fetch_all(client, store, found)
    source = f"docker://{registry.host}/kinds/all:oci"
    copy = ["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", source]
    subprocess.run([*copy, f"oci:{tmp_path / 'theirs'}:x"], check=True, timeout=60)

    theirs = {path.name: path.read_bytes() for path in (tmp_path / "theirs/blobs/sha256").iterdir()}
    ours = {path.name: path.read_bytes() for path in (tmp_path / "ours/blobs/sha256").iterdir()}
    assert ours == {name: body for name, body in theirs.items() if f"sha256:{name}" != found.digest}
    assert theirs[found.digest.partition(":")[2]] == found.body


def fetch_all(
    client: RegistryClient, store: DirectoryStore, found: PlatformManifest, repository: str = "kinds/all"
) -> None:
    fetch(
        blobs_of(found.manifest),
        source=client.blobs(repository, None),
        store=store,
        claim="claim",
        progress=ignore_progress,
        limits=NO_LIMITS,
    )
