"""The whole file as one object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from imagegw.config.access import AuthenticationMethod, ImportUsersValue, Token
from imagegw.config.advice import advise
from imagegw.config.conversion import Conversion, ConverterOptions, ImageFormat
from imagegw.config.limits import ImageLimits, Listen, Slots
from imagegw.config.locations import Location
from imagegw.config.platforms import Platform
from imagegw.config.section import Section
from imagegw.config.values import (
    AbsolutePath,
    AmqpUrl,
    AsList,
    AsListOrOne,
    Count,
    Duration,
    MongoUri,
    PlatformName,
    PositiveDuration,
    Size,
    Text,
    WebUrl,
    wrong,
)

_DAY = timedelta(days=1)

LogLevel = Literal["debug", "info", "warning", "error", "critical"]


def _log_level(value: object) -> object:
    if not isinstance(value, str):
        return value
    lowered = "warning" if value.lower() == "warn" else value.lower()
    return lowered if lowered in get_args(LogLevel) else value  # what is wrong is shown as it was written


class Store(Section):
    """Where blobs stand between the stages."""

    kind: Literal["directory", "registry"] = Field(
        default="directory",
        alias="kind",
        description="`directory`: `CacheDirectory`; `registry`: an OCI registry",
    )
    url: WebUrl | None = Field(
        default=None,
        alias="url",
        validate_default=True,
        description="the registry's address and a repository",
    )
    login_file: AbsolutePath | None = Field(
        default=None, alias="loginFile", description="file with one line user:password for it"
    )

    @field_validator("url")
    @classmethod
    def _is_there_if_needed(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("kind") == "registry" and value is None:
            raise wrong("a URL, since kind is registry")
        return value


class Settings(Section):
    """A site's configuration; made by :func:`imagegw.config.load`, which also compares keys ."""

    means_nothing: ClassVar[frozenset[str]] = frozenset(
        {
            "DefaultLustreReplication",
            "DefaultOstCount",
            "DefaultImageRemote",
            "Broker",
            "usergroupService",
            "mountCommand",
        }
    )

    # --- where images come from and go to -------------------------------------------------------------------
    locations: Mapping[str, Location] = Field(
        alias="Locations",
        description="the registries that are allowed, by name; the empty name is Docker Hub",
    )
    default_location: str = Field(
        default="", alias="DefaultImageLocation", description="the location of references that name none"
    )
    platforms: Mapping[PlatformName, Platform] = Field(
        alias="Platforms", min_length=1, description="the clusters that images go to, by name"
    )
    default_format: ImageFormat = Field(
        default="squashfs", alias="DefaultImageFormat", description="format of the images; there is one"
    )

    # --- storage --------------------------------------------------------------------------------------------
    store: Store = Field(default=Store(), alias="Store", description="where layers and made images are kept")
    cache_directory: AbsolutePath | None = Field(
        default=None,
        alias="CacheDirectory",
        description="directory of the store; needed if `Store.kind` is `directory`",
    )
    expand_directory: AbsolutePath | None = Field(
        default=None,
        alias="ExpandDirectory",
        description="of the older gateway; nothing is unpacked to disk now",
    )
    artifact_keep: Duration = Field(
        default=7 * _DAY,
        alias="ArtifactKeep",
        description="how long a made image that nothing names stays in the store",
    )

    # --- database and broker --------------------------------------------------------------------------------
    mongodb_uri: MongoUri | None = Field(
        default=None,
        alias="MongoDBURI",
        description="the database; `IMAGEGW_MONGODB_URI` goes first; without it `imagegw up` starts its own",
    )
    database: Text = Field(default="imagegw", alias="Database", description="name of the gateway's own database")
    older_database: Text | None = Field(
        default=None, alias="MongoDB", description="name of the older gateway's database, which is only read"
    )
    amqp_url: AmqpUrl | None = Field(
        default=None,
        alias="AmqpURL",
        description="the broker; `IMAGEGW_AMQP_URL` goes first; without it `imagegw up` starts its own",
    )
    secret_keys_file: AbsolutePath | None = Field(
        default=None,
        alias="SecretKeysFile",
        description="file with Fernet keys, one a line, newest first, that stored logins are encrypted with",
    )

    # --- the HTTP endpoint ----------------------------------------------------------------------------------
    listen: Listen = Field(default=Listen(), alias="Listen", description="where the HTTP endpoint listens")
    workers: Count = Field(default=2, alias="Workers", description="its processes; `WORKERS` goes first")
    authentication: Annotated[tuple[AuthenticationMethod, ...], AsListOrOne] = Field(
        default=("munge", "token"),
        alias="Authentication",
        description="methods that are accepted, a list or one",
    )
    tokens: Annotated[tuple[Token, ...], AsList] = Field(
        default=(), alias="Tokens", description="tokens of services, hashed"
    )
    tokens_file: AbsolutePath | None = Field(
        default=None, alias="TokensFile", description="file with a list like `Tokens`, added to it"
    )
    import_users: ImportUsersValue = Field(
        default=(), alias="ImportUsers", description="who may import: `all`, `none`, or a list of user names"
    )

    # --- pulls ----------------------------------------------------------------------------------------------
    pull_update_timeout: Duration = Field(
        default=timedelta(minutes=5),
        alias="PullUpdateTimeout",
        description="how long a pulled tag is answered without asking the registry again",
    )
    pull_update_time: Duration | None = Field(
        default=None, alias="PullUpdateTime", description="old name of `PullUpdateTimeout`"
    )
    pull_deadline: PositiveDuration = Field(
        default=_DAY, alias="PullDeadline", description="a pull that is not ready by then fails"
    )
    pull_retention: PositiveDuration = Field(
        default=90 * _DAY, alias="PullRetention", description="how long the records of ended pulls are kept"
    )
    live_pulls: Count = Field(default=512, alias="LivePulls", description="pulls that are worked on at a time")
    live_pulls_per_user: Count = Field(
        default=16, alias="LivePullsPerUser", description="of them, of one requester"
    )
    fetches_per_registry: Count = Field(
        default=8, alias="FetchesPerRegistry", description="fetches that run at a time from one registry host"
    )
    large_image_bytes: Size = Field(
        default=4 * 2**30,
        alias="LargeImageBytes",
        description="compressed size from which `convert.large` converts",
    )
    image_limits: ImageLimits = Field(
        default=ImageLimits(), alias="ImageLimits", description="what an image may not exceed"
    )

    # --- images ---------------------------------------------------------------------------------------------
    image_expiration_timeout: PositiveDuration = Field(
        default=90 * _DAY,
        alias="ImageExpirationTimeout",
        description="an image that is not looked up for so long is removed; under seven days is warned of",
    )
    removal_delay: Duration = Field(
        default=_DAY,
        alias="RemovalDelay",
        description="from the end of an image to the end of its file; jobs may run",
    )
    conversion: Conversion = Field(default=Conversion(), alias="Conversion", description="how images are made")
    converter_options: ConverterOptions = Field(
        default={},
        alias="ConverterOptions",
        description="mksquashfs arguments of the older gateway, by format",
    )
    examiner: AbsolutePath | None = Field(
        default=None, alias="examiner", description="the site's program that accepts or refuses an image"
    )

    # --- the services ---------------------------------------------------------------------------------------
    slots: Slots = Field(default=Slots(), alias="Slots", description="steps that one process holds at a time")
    stall_timeout: PositiveDuration = Field(
        default=timedelta(minutes=10),
        alias="StallTimeout",
        description="a step without progress is given up after it",
    )
    stop_grace: Duration = Field(
        default=timedelta(minutes=1),
        alias="StopGrace",
        description="what running steps get to finish in after SIGTERM, before they are handed back",
    )
    log_level: Annotated[LogLevel, BeforeValidator(_log_level)] = Field(
        default="info", alias="LogLevel", description="debug, info, warning, error or critical, in any case"
    )
    metrics: bool = Field(default=True, alias="Metrics", description="keep a record of every lookup (usage)")
    usage_retention: PositiveDuration = Field(
        default=365 * _DAY, alias="UsageRetention", description="how long usage records are kept"
    )
    worker_threads: int | None = Field(
        default=None, alias="WorkerThreads", description="of the older gateway; see `Slots`"
    )

    @field_validator("worker_threads", mode="before")
    @classmethod
    def _read_digits(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is legal here and should be known, gravest first."""
        return advise(self)
