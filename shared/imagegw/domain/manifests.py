"""Is it an image, and which manifest of an index is the right one: decided without asking anyone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from imagegw.domain.oci import (
    CONFIG_TYPES,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    EMPTY_TYPE,
    INDEX_TYPES,
    LAYER_TYPES,
    MANIFEST_TYPES,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA_ONE_TYPES,
    Architecture,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    parse_as_index,
    parse_as_manifest,
)
from imagegw.errors import (
    ManifestInvalid,
    NoMatchingPlatform,
    NotAnImage,
    RegistryMisbehaved,
    SchemaOneRefused,
)

_ACCEPTABLE_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)
ACCEPT = ", ".join(_ACCEPTABLE_TYPES)
"""The ``Accept`` header of a request for a manifest."""

_NO_VARIANT_MEANS = {"arm64": "v8", "arm": "v7"}
"""image-index.md, "Platform Variants", and what Docker's tools write: ``arm64`` alone is ``arm64/v8``."""


def media_type_of(content_type: str | None) -> str | None:
    """*content_type* without its parameters, in lower case; None if there is none worth the name.

    >>> media_type_of("application/vnd.oci.image.index.v1+json; charset=utf-8")
    'application/vnd.oci.image.index.v1+json'
    """
    if content_type is None:
        return None
    bare = content_type.partition(";")[0].strip().lower()
    return bare if bare not in {"", "application/json", "application/octet-stream", "text/plain"} else None


def refuse_media_type(media_type: str | None) -> None:
    """Nothing, if a manifest of this type could be an image.

    Raises:
        SchemaOneRefused: Docker's first manifest.
        NotAnImage: an artifact of another kind.
    """
    if media_type in SCHEMA_ONE_TYPES:
        raise SchemaOneRefused("the registry has this image only as Docker's manifest of schema 1")
    if media_type == OCI_ARTIFACT:
        raise NotAnImage("expected an image, found an artifact manifest")


def parse_manifest(body: bytes, content_type: str | None) -> Manifest | Index:
    """The manifest or index that *body* holds, an image's as far as it can be told from it.

    A manifest that does not name its own media type has the one of *content_type*.

    Raises:
        RegistryMisbehaved: the two disagree (distribution-spec, "Pulling manifests").
        SchemaOneRefused, NotAnImage: it is something else.
        ManifestInvalid: it is broken.
    """
    fields = _fields(body)
    told = media_type_of(content_type)
    own = fields.get("mediaType")
    if own is not None and told is not None and own != told:
        raise RegistryMisbehaved(
            f"the manifest says that it is {own!r:.150}, the registry that it is {told!r:.150}"
        )
    media_type = told if own is None else own
    refuse_media_type(media_type)
    if media_type is None and fields.get("schemaVersion") == 1:
        raise SchemaOneRefused("the registry has this image only as Docker's manifest of schema 1")
    if media_type in INDEX_TYPES or (media_type is None and "manifests" in fields):
        return parse_as_index(body)
    if media_type is not None and media_type not in MANIFEST_TYPES:
        raise NotAnImage(f"expected an image's manifest or an index, found {media_type!r:.150}")
    return _image_manifest(parse_as_manifest(body))


def choose_manifest(index: Index, wanted: Architecture) -> Descriptor:
    """The first manifest of *index* for *wanted*; it may be an index again.

    Entries of a media type that is not known here are skipped, as are attestations, which build tools file
    under ``unknown/unknown``. A nested index need not say for which platform it is.

    Raises:
        NoMatchingPlatform: the message says what there is.
    """
    images = [entry for entry in index.manifests if _can_be_an_image(entry)]
    for entry in images:
        if entry.platform is not None and runs_on(entry.platform, wanted):
            return entry
    for entry in images:
        if entry.platform is None:
            return entry
    offered = ", ".join(dict.fromkeys(_shown(entry.platform) for entry in images if entry.platform)) or "nothing"
    raise NoMatchingPlatform(f"expected an image for {_shown(wanted)}, found {offered:.300}")


def runs_on(offered: Architecture, wanted: Architecture) -> bool:
    """Whether what is built for *offered* runs on *wanted*; a *wanted* without variant takes any.

    >>> runs_on(Architecture(architecture="arm64", variant="v8"), Architecture(architecture="arm64"))
    True
    """
    if (offered.os, offered.architecture) != (wanted.os, wanted.architecture):
        return False
    usual = _NO_VARIANT_MEANS.get(wanted.architecture)
    if wanted.variant is None and usual is None:
        return True
    return (offered.variant or usual) == (wanted.variant or usual)


def check_architecture(config: ImageConfig, wanted: Architecture) -> None:
    """Nothing, if the image that *config* describes runs on *wanted*, or does not say what it runs on.

    Raises:
        NoMatchingPlatform: it is for something else.
    """
    offered = Architecture(
        os=config.os or wanted.os,
        architecture=config.architecture or wanted.architecture,
        variant=config.variant,
    )
    if (offered.os, offered.architecture) != (wanted.os, wanted.architecture):
        raise NoMatchingPlatform(f"expected an image for {_shown(wanted)}, found one for {_shown(offered)}")


def check_config(config: ImageConfig, manifest: Manifest) -> None:
    """Nothing, if configuration and manifest speak of the same layers.

    Raises:
        ManifestInvalid: they do not have the same number of them.
    """
    found, expected = len(config.rootfs.diff_ids), len(manifest.layers)
    if found != expected:
        raise ManifestInvalid(f"the manifest has {expected} layers, but the configuration {found} diff_ids")


def blobs_of(manifest: Manifest) -> tuple[Descriptor, ...]:
    """What has to be fetched for *manifest*: configuration and layers, each digest once."""
    return tuple(_once((manifest.config, *manifest.layers)))


def _once(blobs: Iterable[Descriptor]) -> Iterable[Descriptor]:
    return {blob.digest: blob for blob in blobs}.values()


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid("the manifest is not JSON") from error
    if not isinstance(fields, dict):
        raise ManifestInvalid("the manifest is not a JSON object")
    return fields


def _image_manifest(manifest: Manifest) -> Manifest:
    config_type = manifest.config.media_type
    if config_type not in CONFIG_TYPES:
        kind = manifest.artifact_type or config_type
        what = (
            "an artifact with an empty configuration"
            if config_type == EMPTY_TYPE
            else f"an artifact of type {kind!r:.150}"
        )
        raise NotAnImage(f"expected an image, found {what}")
    if not manifest.layers:
        raise NotAnImage("expected an image, found a manifest without layers")
    for layer in manifest.layers:
        if layer.media_type not in LAYER_TYPES:
            raise NotAnImage(f"expected layers that are tar archives, found one of type {layer.media_type!r:.150}")
    return manifest


def _can_be_an_image(entry: Descriptor) -> bool:
    if entry.media_type not in INDEX_TYPES | MANIFEST_TYPES:
        return False
    return entry.platform is None or entry.platform.architecture != "unknown"


def _shown(architecture: Architecture) -> str:
    variant = "" if architecture.variant is None else f"/{architecture.variant}"
    return f"{architecture.os}/{architecture.architecture}{variant}"
