"""How much at once, how long, and how large."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from imagegw.config.section import Section
from imagegw.config.values import BareHost, Count, Port, PositiveDuration, Size


class Listen(Section):
    """Where the HTTP endpoint listens."""

    host: BareHost = Field(default="127.0.0.1", alias="host", description="address")
    port: Port = Field(default=5000, alias="port", description="TCP port")


class Slots(Section):
    """How many steps one process of a service holds at a time, for each queue."""

    resolve: Count = Field(default=16, alias="resolve", description="a puller's, asking registries")
    fetch: Count = Field(default=16, alias="fetch", description="a puller's, downloading")
    convert: Count = Field(default=1, alias="convert", description="a converter's")
    convert_large: Count = Field(
        default=1, alias="convert.large", description="a converter's, for images over `LargeImageBytes`"
    )
    deliver: Count = Field(default=2, alias="deliver", description="a shipper's, for each platform")


class ImageLimits(Section):
    """What an image may not exceed; a hostile layer ends here, and not on the disk."""

    size_bytes: Size = Field(
        default=512 * 2**30, alias="bytes", description="uncompressed bytes of all layers, holes included"
    )
    entries: Count = Field(
        default=5_000_000, alias="entries", description="files, directories and links of all layers"
    )
    depth: Count = Field(default=256, alias="depth", description="components of a path")
    ratio: Count = Field(
        default=200,
        alias="ratio",
        description="uncompressed to compressed bytes of a layer over `ratioFreeBytes`",
    )
    ratio_free_bytes: Size = Field(
        default=4 * 2**30,
        alias="ratioFreeBytes",
        description="size up to which a layer may be as compressible as it likes",
    )
    duration: PositiveDuration = Field(
        default=timedelta(hours=6), alias="duration", description="of one conversion"
    )
    reserve_bytes: Size = Field(
        default=64 * 2**20,
        alias="reserveBytes",
        description="free space that a conversion leaves on its file system",
    )
