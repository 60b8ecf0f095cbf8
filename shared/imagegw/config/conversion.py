"""How images are made: `Conversion`, and the older gateway's `ConverterOptions` as they stand."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from imagegw.config.section import Section
from imagegw.config.values import Count, Size, wrong

ImageFormat = Literal["squashfs"]


def _block_size(value: int) -> int:
    if not 4 * 2**10 <= value <= 2**20 or value & (value - 1):
        raise wrong("a power of two from 4KiB to 1MiB")
    return value


BlockSize = Annotated[Size, AfterValidator(_block_size)]


class Policy(Section):
    """Which attributes reach the image file; the defaults suit a runtime that mounts `nosuid`."""

    ownership: Literal["root", "keep"] = Field(
        default="root", alias="ownership", description="`root`: all is root's; `keep`: the ids of the layers"
    )
    modes: Literal["readable", "keep"] = Field(
        default="readable",
        alias="modes",
        description="`readable`: a+rX, directories u+w; `keep`: as they are",
    )
    restricted_files: Literal["readable", "closed"] = Field(
        default="readable",
        alias="restrictedFiles",
        description="what an image closes to others (`/etc/shadow`): opened like all, or kept `closed`",
    )
    setuid: Literal["drop", "keep"] = Field(
        default="drop",
        alias="setuid",
        description="setuid and setgid bits, which mean nothing under `nosuid`",
    )
    xattrs: Literal["drop", "keep"] = Field(
        default="drop", alias="xattrs", description="extended attributes, `security.capability` among them"
    )
    devices: Literal["drop", "keep"] = Field(
        default="drop", alias="devices", description="device nodes; the runtime mounts the host's `/dev`"
    )
    dev_content: Literal["drop", "keep"] = Field(
        default="drop",
        alias="devContent",
        description="what is below `/dev`, as the older gateway dropped it",
    )


class Conversion(Section):
    """What decides an image file's bytes, and what the writer may use of its host."""

    compressor: Literal["zstd", "gzip", "lz4", "lzo", "xz"] = Field(
        default="zstd",
        alias="compressor",
        description="gzip for kernels before 4.14, which cannot mount zstd",
    )
    level: Count | None = Field(
        default=None, alias="level", description="compression level; without it zstd 3, gzip 1", le=22
    )
    block_bytes: BlockSize = Field(
        default=128 * 2**10, alias="blockBytes", description="squashfs block: a power of two, 4KiB to 1MiB"
    )
    policy: Policy = Field(default=Policy(), alias="policy", description="which attributes are kept")
    writer: Literal["auto", "tar2sqfs", "mksquashfs"] = Field(
        default="auto", alias="writer", description="program that writes the file; `auto`: which the host has"
    )
    processors: Count = Field(
        default=4, alias="processors", description="for one conversion, and never more than the host has"
    )
    memory_bytes: Size = Field(
        default=256 * 2**20,
        alias="memoryBytes",
        description="for a writer that sizes its caches by the host's",
    )


def _arguments(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return tuple(value)
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError:
            raise wrong("arguments as a shell reads them; a quote is not closed") from None
    raise wrong("arguments, as a string or a list of strings")


def _by_format(value: object) -> object:
    if not isinstance(value, dict):
        raise wrong("an object that names a format and its arguments")
    return value


Arguments = Annotated[tuple[str, ...], BeforeValidator(_arguments)]
ConverterOptions = Annotated[Mapping[ImageFormat, Arguments], BeforeValidator(_by_format)]
