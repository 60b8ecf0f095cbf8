"""From a reference at a real registry to verified blobs in the directory store."""

from __future__ import annotations

from pathlib import Path

from imagegw.domain.manifests import blobs_of
from imagegw.domain.oci import Architecture
from imagegw.domain.reference import Reference
from imagegw.store.directory import DirectoryStore
from imagegw_puller.fetch import FetchLimits, fetch
from tests.integration.registry.conftest import MakeClient
from tests.servers import image_maker
from tests.servers.docker_registry import DockerRegistry

AMD64 = Architecture(architecture="amd64")
NO_LIMITS = FetchLimits()


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
