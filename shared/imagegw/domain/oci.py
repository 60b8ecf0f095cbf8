"""The documents of the OCI image specification, and Docker's of the same shape, as frozen values.

Read from bytes as registries send them. Fields that the gateway does not use are ignored, as the
specification demands; those that it does use are checked, and an error names the field.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from imagegw.domain.digests import is_digest
from imagegw.errors import ManifestInvalid

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
SCHEMA_ONE_TYPES = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
CONFIG_TYPES = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"

_OCI_LAYER = "application/vnd.oci.image.layer"
FOREIGN_LAYER_TYPES = frozenset(
    {
        f"{_OCI_LAYER}.nondistributable.v1.tar",
        f"{_OCI_LAYER}.nondistributable.v1.tar+gzip",
        f"{_OCI_LAYER}.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    }
)
LAYER_TYPES = FOREIGN_LAYER_TYPES | {
    f"{_OCI_LAYER}.v1.tar",
    f"{_OCI_LAYER}.v1.tar+gzip",
    f"{_OCI_LAYER}.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
}


def _checked_digest(text: str) -> str:
    if not is_digest(text):
        raise ValueError(f"expected a sha256 or sha512 digest, found {text[:150]!r}")
    return text


def _from_base64(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"expected base64: {error}") from error


def _absent_if_null(value: object) -> object:
    """Go's encoders write ``null`` for an empty list or map."""
    return () if value is None else value


Digest = Annotated[str, AfterValidator(_checked_digest)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_absent_if_null)]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, validate_by_name=True)


class Architecture(_Document):
    """What a manifest's programs run on (image-index.md, "platform"); Go's words: ``amd64``, ``arm64``."""

    os: str = "linux"
    architecture: str
    variant: str | None = None


class Descriptor(_Document):
    """Some bytes by their media type, digest and size (descriptor.md)."""

    media_type: str
    digest: Digest
    size_bytes: int = Field(ge=0, strict=True, validation_alias=AliasChoices("size", "size_bytes"))
    urls: Texts = ()
    """Places outside the registry; only foreign layers should have any."""
    data: Annotated[bytes, BeforeValidator(_from_base64)] | None = None
    """The bytes themselves, when the manifest carries them; to be checked like fetched ones."""
    platform: Architecture | None = None


class Manifest(_Document):
    """One image for one architecture."""

    schema_version: Literal[2]
    media_type: str | None = None
    artifact_type: str | None = None
    config: Descriptor
    layers: tuple[Descriptor, ...]


class Index(_Document):
    """Several manifests, mostly of one image for several architectures; Docker calls it a manifest list."""

    schema_version: Literal[2]
    media_type: str | None = None
    manifests: tuple[Descriptor, ...]


class RunSettings(_Document):
    """How the image wants to be run; the part of its configuration that Docker's words name."""

    env: Texts = Field(default=(), alias="Env")
    entrypoint: tuple[str, ...] | None = Field(default=None, alias="Entrypoint")
    cmd: tuple[str, ...] | None = Field(default=None, alias="Cmd")
    working_dir: str | None = Field(default=None, alias="WorkingDir")
    user: str | None = Field(default=None, alias="User")
    labels: Annotated[dict[str, str], BeforeValidator(lambda value: {} if value is None else value)] = Field(
        default_factory=dict, alias="Labels"
    )


class RootFilesystem(_Document):
    """The digests of the uncompressed layers, lowest first."""

    type: Literal["layers"] = "layers"
    diff_ids: Annotated[tuple[Digest, ...], BeforeValidator(_absent_if_null)] = Field(alias="diff_ids")


class ImageConfig(_Document):
    """An image's configuration (config.md)."""

    architecture: str = ""
    os: str = ""
    variant: str | None = None
    rootfs: RootFilesystem
    config: Annotated[RunSettings, BeforeValidator(lambda value: {} if value is None else value)] = Field(
        default_factory=RunSettings
    )


def parse_image_config(body: bytes) -> ImageConfig:
    """The configuration that *body* holds.

    Raises:
        ManifestInvalid: a field is missing or wrong; the message has its path.
    """
    return _parse(ImageConfig, body, "the image's configuration")


def parse_as_manifest(body: bytes) -> Manifest:
    """Like :func:`parse_image_config`, for a manifest."""
    return _parse(Manifest, body, "the manifest")


def parse_as_index(body: bytes) -> Index:
    """Like :func:`parse_image_config`, for an index."""
    return _parse(Index, body, "the index")


_Parsed = TypeVar("_Parsed", bound=_Document)


def _parse(kind: type[_Parsed], body: bytes, what: str) -> _Parsed:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise ManifestInvalid(f"{what} is not what the specification says: {_first_fault(error)}") from error


def _first_fault(error: ValidationError) -> str:
    fault: Any = error.errors(include_url=False, include_context=False)[0]
    path = ".".join(str(part) for part in fault["loc"]) or "the whole"
    return f"{path}: {fault['msg']}, found {fault['input']!r:.100}"
