"""What a registry can answer wrongly, and a real one will not: a scripted peer does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from imagegw.domain.oci import OCI_INDEX, OCI_MANIFEST
from imagegw.domain.reference import Reference
from imagegw.errors import (
    BlobCorrupt,
    GatewayError,
    ManifestInvalid,
    ManifestTooLarge,
    ManifestUnknown,
    NotAnImage,
    RegistryBusy,
    RegistryFailed,
    RegistryMisbehaved,
    SchemaOneRefused,
)
from imagegw.registry.budget import Budget
from imagegw.registry.client import RegistryClient
from tests.integration.registry.conftest import Listen, MakeClient
from tests.integration.registry.scripted import ALICE, AMD64, LAYER, TOOL, read_layer
from tests.servers.scripted_http import Exchange, Script, ScriptedPeer
from tests.servers.small_registry import (
    SmallRegistry,
    answering,
    described,
    digest_of,
)

pytestmark = pytest.mark.integration

SCHEMA_ONE = "application/vnd.docker.distribution.manifest.v1+prettyjws"


@pytest.fixture
def small() -> SmallRegistry:
    return SmallRegistry(layer=LAYER)


@pytest.fixture
def peer(small: SmallRegistry, listen: Listen) -> ScriptedPeer:
    return listen(small)


@pytest.fixture
def client(peer: ScriptedPeer, make_client: MakeClient) -> RegistryClient:
    return make_client(peer.url, read_timeout_s=5)


def test_the_scripted_registry_is_right_when_nothing_is_changed(client: RegistryClient) -> None:
    assert read_layer(client) == LAYER


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"Retry_After": "17"}, 17.0),
        ({"Retry_After": "Tue, 24 Nov 2026 12:00:40 GMT", "Date": "Tue, 24 Nov 2026 12:00:00 GMT"}, 40.0),
        ({}, None),
    ],
)
def test_too_many_requests_is_busy_and_not_asked_again(
    small: SmallRegistry,
    peer: ScriptedPeer,
    client: RegistryClient,
    headers: dict[str, str],
    pause_s: float | None,
) -> None:
    small.instead["*"] = [answering(429, b"", **headers)]
    with pytest.raises(RegistryBusy) as caught:
        client.resolve(TOOL, ALICE)

    assert caught.value.retry_after_s == pause_s
    assert len(peer.requests) == 1


def test_unavailable_with_a_pause_is_busy(small: SmallRegistry, client: RegistryClient) -> None:
    small.instead["*"] = [answering(503, b"", Retry_After="9")]
    with pytest.raises(RegistryBusy) as caught:
        client.resolve(TOOL, None)

    assert caught.value.retry_after_s == 9.0


def test_a_short_failure_is_tried_again_in_place(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient
) -> None:
    small.instead["1"] = [answering(503), small.answer]

    assert client.resolve(TOOL, None).public
    assert len(peer.requests) == 2


def test_a_lasting_failure_is_not_tried_for_ever(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient
) -> None:
    small.instead["1"] = [answering(500)]
    with pytest.raises(RegistryFailed, match="500"):
        client.resolve(TOOL, None)

    assert len(peer.requests) == 2


def test_what_is_left_of_the_allowance_is_kept(small: SmallRegistry, client: RegistryClient) -> None:
    body, content_type = small.manifests["1"]
    headers = {"Content_Type": content_type, "Docker_Content_Digest": digest_of(body)}
    small.instead["1"] = [answering(200, body, ratelimit_remaining="76;w=21600", **headers)]
    client.resolve(TOOL, None)

    assert client.budget(None) == Budget(remaining=76, window_s=21600)
    assert client.budget(ALICE) is None


def test_the_registrys_own_words_are_passed_on(client: RegistryClient) -> None:
    missing = Reference(location="test", repository="team/tool", digest="sha256:" + "0" * 64)
    with pytest.raises(ManifestUnknown, match=r"answered 404 .*team/tool"):
        client.resolve(missing, None)
    with pytest.raises(ManifestUnknown, match="MANIFEST_UNKNOWN, no sha256"):
        client.manifest("team/tool", "sha256:" + "0" * 64, None)


@pytest.mark.parametrize(
    "script",
    [
        answering(405),
        answering(200, b"", Content_Type=OCI_MANIFEST),
        answering(200, b"", Docker_Content_Digest="nonsense"),
    ],
    ids=["not allowed", "no digest", "no real digest"],
)
def test_a_registry_that_tells_no_digest_is_asked_for_the_manifest(
    small: SmallRegistry, client: RegistryClient, script: Script
) -> None:
    small.instead["1"] = [script, small.answer]

    assert client.resolve(TOOL, None).digest == digest_of(small.manifests["1"][0])


def test_a_digest_other_than_the_one_asked_for_is_no_answer(small: SmallRegistry, client: RegistryClient) -> None:
    wanted = digest_of(small.manifests["1"][0])
    other = answering(200, b"", Docker_Content_Digest="sha256:" + "1" * 64)
    small.instead[wanted] = [other]
    with pytest.raises(RegistryMisbehaved):
        client.resolve(Reference(location="test", repository="team/tool", digest=wanted), None)


def test_a_manifest_of_other_bytes_is_corrupt(small: SmallRegistry, client: RegistryClient) -> None:
    digest = client.resolve(TOOL, None).digest
    small.instead[digest] = [answering(200, small.manifests["1"][0] + b" ", Content_Type=OCI_MANIFEST)]
    with pytest.raises(BlobCorrupt):
        client.manifest("team/tool", digest, None)


def test_a_manifest_under_another_type_is_no_answer(small: SmallRegistry, client: RegistryClient) -> None:
    digest = client.resolve(TOOL, None).digest
    small.instead[digest] = [answering(200, small.manifests["1"][0], Content_Type=OCI_INDEX)]
    with pytest.raises(RegistryMisbehaved):
        client.manifest("team/tool", digest, None)


def test_schema_one_is_refused_at_the_first_look(
    small: SmallRegistry, peer: ScriptedPeer, client: RegistryClient
) -> None:
    small.add_manifest("1", {"schemaVersion": 1, "fsLayers": []}, SCHEMA_ONE)
    with pytest.raises(SchemaOneRefused):
        client.resolve(TOOL, None)

    assert peer.targets() == []


def test_an_artifact_is_refused(small: SmallRegistry, client: RegistryClient) -> None:
    empty = described(b"{}", "application/vnd.oci.empty.v1+json")
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": empty, "layers": [empty]}
    digest = small.add_manifest("1", document)
    with pytest.raises(NotAnImage):
        client.platform_manifest("team/tool", digest, AMD64, None)


@pytest.mark.parametrize("told", [True, False])
def test_a_manifest_of_100_mb_is_not_read(small: SmallRegistry, client: RegistryClient, told: bool) -> None:
    sent: list[int] = []

    def endless(exchange: Exchange) -> None:
        headers = {"Content-Type": OCI_MANIFEST} | ({"Content-Length": "100000000"} if told else {})
        exchange.head(200, headers)
        for _ in range(100):
            exchange.send(b" " * 1_000_000)
            sent.append(1)

    digest = client.resolve(TOOL, None).digest
    small.instead[digest] = [endless]
    with pytest.raises(ManifestTooLarge, match="4194304"):
        client.manifest("team/tool", digest, None)

    assert len(sent) < 20


def test_an_index_that_points_to_itself_ends(small: SmallRegistry, client: RegistryClient) -> None:
    """It cannot have its own digest, but a registry can answer every digest with it."""
    loop = {"mediaType": OCI_INDEX, "digest": "sha256:" + "5" * 64, "size": 5}
    digest = small.add_manifest("1", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [loop]})
    small.instead["sha256:" + "5" * 64] = [answering(200, small.manifests["1"][0], Content_Type=OCI_INDEX)]
    with pytest.raises(BlobCorrupt):
        client.platform_manifest("team/tool", digest, AMD64, None)


def nest(small: SmallRegistry, depth: int) -> str:
    body = small.manifests["1"][0]
    media_type = OCI_MANIFEST
    for _ in range(depth):
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [described(body, media_type)],
        }
        small.add_manifest("nested", document)
        body, media_type = small.manifests["nested"]
    return digest_of(body)


def test_indexes_may_stand_in_each_other_but_not_without_end(small: SmallRegistry, client: RegistryClient) -> None:
    image = digest_of(small.manifests["1"][0])

    assert client.platform_manifest("team/tool", nest(small, 3), AMD64, None).digest == image
    with pytest.raises(ManifestInvalid, match="deeper"):
        client.platform_manifest("team/tool", nest(small, 4), AMD64, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config | {"architecture": "arm64"},
        lambda config: config | {"rootfs": {"type": "layers", "diff_ids": []}},
        lambda config: config | {"rootfs": 5},
    ],
    ids=["architecture", "layers", "broken"],
)
def test_a_configuration_that_does_not_fit_is_refused_before_anything_is_fetched(
    small: SmallRegistry, client: RegistryClient, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    manifest = json.loads(small.manifests["1"][0])
    config = json.dumps(change(json.loads(small.blobs[manifest["config"]["digest"]]))).encode()
    small.blobs[digest_of(config)] = config
    manifest["config"] = described(config, manifest["config"]["mediaType"])
    digest = small.add_manifest("1", manifest)
    with pytest.raises(GatewayError) as caught:
        client.platform_manifest("team/tool", digest, AMD64, None)

    assert caught.value.code in {"no_matching_architecture", "manifest_invalid"}
