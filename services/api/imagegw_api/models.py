"""What `/api/v1` takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from imagegw.domain.acl import LARGEST_ID, MOST_IDS


def _whole(value: object) -> object:
    """JSON knows one kind of number: `5.0` is an integer as `5` is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Id = Annotated[int, Field(ge=0, le=LARGEST_ID), BeforeValidator(_whole)]
Ids = Annotated[list[Id], Field(max_length=MOST_IDS)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Login(_Given):
    """A login at the registry that the reference names; kept encrypted while the pull is live."""

    user: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^:\x00-\x1f]+$", examples=["alice"])]
    password: Annotated[SecretStr, Field(min_length=1, max_length=16_384)]


class NewPull(_Given):
    """A pull to make."""

    platform: Annotated[str, Field(min_length=1, max_length=256, examples=["mycluster"])]
    reference: Annotated[str, Field(min_length=1, max_length=1024, examples=["ubuntu:24.04"])]
    allowed_uids: Annotated[Ids, Field(description="users who may use the image, if it is private")] = []
    allowed_gids: Annotated[Ids, Field(description="groups likewise")] = []
    login: Login | None = None


class ProgressShown(BaseModel):
    """Bytes of the running step, in its own unit (compressed while fetching and converting)."""

    done_bytes: int
    total_bytes: int | None
    rate_bytes_per_s: float | None


class ErrorShown(BaseModel):
    """Why a pull failed."""

    code: Annotated[str, Field(description="stable; what programs compare")]
    message: str
    hint: str
    can_retry: bool


class EntryShown(BaseModel):
    """One line of a history."""

    at: datetime
    status: str
    message: str | None
    host: Annotated[str, Field(description="host and process that wrote it")]


class PullShown(BaseModel):
    """A pull."""

    id: str
    rev: Annotated[int, Field(description="rises with every change; see `since`")]
    platform: str
    type: Literal["docker", "custom"]
    reference: Annotated[str, Field(description="as it was typed, with `:latest` where nothing was said")]
    user: str
    uid: int
    status: Literal["INIT", "PENDING", "PULLING", "CONVERSION", "EXAMINATION", "TRANSFER", "READY", "FAILURE"]
    status_message: Annotated[str | None, Field(description="what it waits for, if anything unusual")]
    progress: ProgressShown | None
    error: ErrorShown | None
    digest: Annotated[str | None, Field(description="what the reference resolved to")]
    image_id: Annotated[str | None, Field(description="the image's name on the platform")]
    created: datetime
    deadline: datetime
    ended: datetime | None


class PullExplained(PullShown):
    """A pull with its history, oldest first."""

    history: list[EntryShown]


class ImageShown(BaseModel):
    """An image on a platform."""

    platform: str
    id: Annotated[str, Field(description="its name on the platform")]
    type: Literal["docker", "custom"]
    tags: list[str]
    public: bool
    allowed_uids: list[int]
    allowed_gids: list[int]
    size_bytes: int | None
    last_pull: datetime | None
    expires: datetime | None


class PlatformShown(BaseModel):
    """A platform."""

    name: str
    architecture: str
    is_admin: Annotated[bool, Field(description="whether the caller administers it")]


class Pulls(BaseModel):
    """Pulls of a queue."""

    pulls: list[PullShown]


class Images(BaseModel):
    """Images that can be used."""

    images: list[ImageShown]


class Platforms(BaseModel):
    """The platforms that the gateway serves."""

    platforms: list[PlatformShown]


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, Field(description="stable; what programs compare")]
    hint: str
