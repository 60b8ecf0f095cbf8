"""What is an image and what is not, and which manifest of an index is the right one."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegw.domain.manifests import (
    blobs_of,
    check_architecture,
    check_config,
    choose_manifest,
    parse_manifest,
    runs_on,
)
from imagegw.domain.oci import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Architecture,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    parse_image_config,
)
from imagegw.errors import (
    GatewayError,
    ManifestInvalid,
    NoMatchingPlatform,
    NotAnImage,
    RegistryMisbehaved,
    SchemaOneRefused,
)

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
AMD64 = Architecture(architecture="amd64")


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def descriptor(number: int, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(number), "size": number, **more}


def manifest(**changes: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(1, OCI_CONFIG),
        "layers": [descriptor(2, OCI_LAYER)],
    } | changes


def platform(architecture: str, variant: str | None = None, os: str = "linux") -> dict[str, Any]:
    return {"platform": {"os": os, "architecture": architecture, "variant": variant}}


def index(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)} | changes


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def parsed_index(*entries: dict[str, Any]) -> Index:
    found = parse_manifest(encoded(index(*entries)), None)
    assert isinstance(found, Index)
    return found


def without(document: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != field}


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_both_families_of_manifests_are_images(media_type: str) -> None:
    found = parse_manifest(encoded(manifest(mediaType=media_type)), media_type)

    assert isinstance(found, Manifest)
    assert [layer.size_bytes for layer in found.layers] == [2]


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_both_families_of_indexes_are_indexes(media_type: str) -> None:
    body = encoded(index(descriptor(1, OCI_MANIFEST), mediaType=media_type))

    assert isinstance(parse_manifest(body, media_type), Index)


def test_a_manifest_without_a_media_type_is_what_the_registry_says() -> None:
    body = encoded(without(manifest(), "mediaType"))

    assert isinstance(parse_manifest(body, f"{OCI_MANIFEST}; charset=utf-8"), Manifest)


@pytest.mark.parametrize("content_type", [None, "application/json", ""])
def test_a_manifest_that_nobody_names_is_known_by_its_fields(content_type: str | None) -> None:
    assert isinstance(parse_manifest(encoded(without(manifest(), "mediaType")), content_type), Manifest)
    assert isinstance(parse_manifest(encoded(without(index(), "mediaType")), content_type), Index)


def test_a_manifest_that_is_not_what_the_registry_says_is_refused() -> None:
    with pytest.raises(RegistryMisbehaved, match=r"index\.v1"):
        parse_manifest(encoded(manifest()), OCI_INDEX)


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        ({"schemaVersion": 1, "fsLayers": []}, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        ({"schemaVersion": 1, "fsLayers": []}, "application/vnd.docker.distribution.manifest.v1+json"),
        ({"schemaVersion": 1, "fsLayers": []}, None),
    ],
)
def test_schema_one_is_refused_by_name(document: dict[str, Any], content_type: str | None) -> None:
    with pytest.raises(SchemaOneRefused):
        parse_manifest(encoded(document), content_type)


@pytest.mark.parametrize(
    "document",
    [
        manifest(mediaType="application/vnd.oci.artifact.manifest.v1+json"),
        manifest(mediaType="application/x-other"),
        manifest(config=descriptor(2, "application/vnd.oci.empty.v1+json"), artifactType="application/x-sbom"),
        manifest(config=descriptor(2, "application/vnd.cncf.helm.config.v1+json")),
        manifest(layers=[]),
        manifest(layers=[descriptor(2, "application/vnd.in-toto+json")]),
        manifest(layers=[descriptor(2, f"{OCI_LAYER}+encrypted")]),
    ],
    ids=["artifact", "other", "empty config", "chart", "no layers", "attestation", "encrypted"],
)
def test_what_is_no_image_is_refused_as_such(document: dict[str, Any]) -> None:
    with pytest.raises(NotAnImage, match="expected"):
        parse_manifest(encoded(document), None)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (encoded(without(manifest(), "config")), "config"),
        (encoded(manifest(layers=[descriptor(-1, OCI_LAYER)])), r"layers\.0"),
        (encoded(manifest(layers=[descriptor(1, OCI_LAYER) | {"size": -1}])), r"layers\.0\.size"),
        (encoded(manifest(layers=[descriptor(1, OCI_LAYER) | {"size": "1"}])), r"layers\.0\.size"),
        (
            encoded(manifest(layers=[descriptor(1, OCI_LAYER) | {"digest": "sha256:../../x"}])),
            r"layers\.0\.digest",
        ),
        (encoded(manifest(layers=[descriptor(1, OCI_LAYER) | {"data": "&"}])), r"layers\.0\.data"),
        (encoded(manifest(schemaVersion=3)), "schemaVersion"),
    ],
)
def test_what_is_broken_is_refused_with_the_place(body: bytes, says: str) -> None:
    with pytest.raises(ManifestInvalid, match=says):
        parse_manifest(body, OCI_MANIFEST if body.startswith(b"{") else None)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(encoded))
def test_no_bytes_make_it_fail_otherwise(body: bytes) -> None:
    with pytest.raises(GatewayError):
        parse_manifest(body, None)


def test_what_a_descriptor_carries_itself_is_decoded() -> None:
    inline = descriptor(2, OCI_LAYER, data=base64.b64encode(b"hi").decode(), urls=None)
    found = parse_manifest(encoded(manifest(layers=[inline])), None)

    assert isinstance(found, Manifest)
    assert found.layers[0].data == b"hi"
    assert found.layers[0].urls == ()


def test_the_first_manifest_of_the_architecture_is_chosen() -> None:
    found = parsed_index(
        descriptor(1, OCI_MANIFEST, **platform("arm64")),
        descriptor(2, OCI_MANIFEST, **platform("amd64")),
        descriptor(3, OCI_MANIFEST, **platform("amd64")),
    )

    assert choose_manifest(found, AMD64).digest == digest(2)


def test_unknown_types_and_attestations_are_skipped() -> None:
    found = parsed_index(
        descriptor(1, "application/x-new", **platform("amd64")),
        descriptor(2, OCI_MANIFEST, **platform("unknown", os="unknown")),
        descriptor(3, DOCKER_MANIFEST, **platform("amd64")),
    )

    assert choose_manifest(found, AMD64).digest == digest(3)


def test_a_nested_index_without_a_platform_is_gone_into_if_nothing_else_matches() -> None:
    nested = descriptor(1, OCI_INDEX)

    assert choose_manifest(parsed_index(nested), AMD64).digest == digest(1)
    assert choose_manifest(
        parsed_index(nested, descriptor(2, OCI_MANIFEST, **platform("amd64"))), AMD64
    ).digest == (digest(2))


def test_what_there_is_instead_is_said() -> None:
    found = parsed_index(
        descriptor(1, OCI_MANIFEST, **platform("arm", "v7")),
        descriptor(2, OCI_MANIFEST, **platform("amd64", os="windows")),
    )
    with pytest.raises(NoMatchingPlatform, match=r"linux/amd64, found linux/arm/v7, windows/amd64"):
        choose_manifest(found, AMD64)


@pytest.mark.parametrize(
    ("offered", "wanted", "runs"),
    [
        (("arm64", None), ("arm64", None), True),
        (("arm64", "v8"), ("arm64", None), True),
        (("arm64", None), ("arm64", "v8"), True),
        (("arm64", "v9"), ("arm64", "v8"), False),
        (("arm", "v7"), ("arm", None), True),
        (("arm", "v6"), ("arm", "v7"), False),
        (("amd64", "v3"), ("amd64", None), True),
        (("amd64", None), ("amd64", "v3"), False),
        (("amd64", None), ("arm64", None), False),
    ],
)
def test_variants(offered: tuple[str, str | None], wanted: tuple[str, str | None], runs: bool) -> None:
    def made(pair: tuple[str, str | None]) -> Architecture:
        return Architecture(architecture=pair[0], variant=pair[1])

    assert runs_on(made(offered), made(wanted)) is runs


def image_config(**changes: Any) -> ImageConfig:
    document = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest(9)]}}
    return parse_image_config(encoded(document | changes))


def test_a_configuration_tells_how_to_run() -> None:
    wishes = {"Env": ["A=1"], "Cmd": ["sh"], "Entrypoint": None, "WorkingDir": "/w", "Labels": None}
    found = image_config(config=wishes, variant="v2", history=[{"created_by": "somebody"}])

    assert found.config.env == ("A=1",)
    assert (found.config.entrypoint, found.config.cmd, found.config.working_dir) == (None, ("sh",), "/w")
    assert found.config.labels == {}
    assert found.rootfs.diff_ids == (digest(9),)
    assert image_config(config=None).config.env == ()


def test_an_image_for_another_architecture_is_refused_and_one_that_does_not_say_is_not() -> None:
    check_architecture(image_config(architecture="", os=""), AMD64)
    with pytest.raises(NoMatchingPlatform, match="arm64"):
        check_architecture(image_config(architecture="arm64"), AMD64)
    with pytest.raises(NoMatchingPlatform, match="windows"):
        check_architecture(image_config(os="windows"), AMD64)


def test_manifest_and_configuration_must_have_the_same_layers() -> None:
    found = parse_manifest(encoded(manifest(layers=[descriptor(2, OCI_LAYER)] * 2)), None)
    assert isinstance(found, Manifest)
    with pytest.raises(ManifestInvalid, match="2 layers"):
        check_config(image_config(), found)


def test_a_layer_that_is_there_twice_is_fetched_once() -> None:
    found = parse_manifest(encoded(manifest(layers=[descriptor(2, OCI_LAYER)] * 2)), None)
    assert isinstance(found, Manifest)

    assert [blob.digest for blob in blobs_of(found)] == [digest(1), digest(2)]


def test_a_descriptor_can_be_made_in_the_gateways_own_words() -> None:
    made = Descriptor(media_type=OCI_LAYER, digest=digest(1), size_bytes=7, urls=("https://a/b",))

    assert (made.size_bytes, made.urls) == (7, ("https://a/b",))
