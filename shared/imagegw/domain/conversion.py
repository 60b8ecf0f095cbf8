"""What may be chosen about a conversion, and what is recorded of one.

Every default is the safe one for a runtime that mounts ``nosuid,nodev,ro`` and runs the program as the user
who asked: everything belongs to root, everything can be read, nothing carries a privilege.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

MIB = 1 << 20
GIB = 1 << 30

Compressor = Literal["zstd", "gzip", "lz4", "lzo", "xz"]
WriterChoice = Literal["auto", "tar2sqfs", "mksquashfs"]

DEFAULT_LEVELS: dict[Compressor, int | None] = {"zstd": 3, "gzip": 1, "lz4": None, "lzo": None, "xz": None}
"""Levels where size and time balance: the tools' own defaults (zstd 15, gzip 9) take 16 times as long for 12 %."""

LEVEL_RANGES: dict[Compressor, range] = {"zstd": range(1, 23), "gzip": range(1, 10), "lzo": range(1, 10)}


class Frozen(BaseModel):
    """A value that never changes and has no field but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Policy(Frozen):
    """What of an image's attributes reaches the image file."""

    ownership: Literal["root", "keep"] = "root"
    """``root``: everything belongs to 0:0. ``keep``: the ids of the layers, for runtimes that map users."""

    modes: Literal["readable", "keep"] = "readable"
    """``readable``: a+rX, and directories u+w, since users run with ids that the image does not know."""

    restricted_files: Literal["readable", "closed"] = "readable"
    """Under ``modes: readable``, what to do with regular files that their image does not let others read, such
    as ``/etc/shadow``. ``readable`` opens them, so that software installed under a narrow umask runs; ``closed``
    keeps them for root alone, for sites where images carry secrets that their users should not see."""

    setuid: Literal["drop", "keep"] = "drop"
    """setuid and setgid bits of everything but directories. They mean nothing under ``nosuid``; dropping them
    keeps the file harmless should somebody mount it otherwise."""

    xattrs: Literal["drop", "keep"] = "drop"
    """Extended attributes, ``security.capability`` among them: as ``setuid``."""

    devices: Literal["drop", "keep"] = "drop"
    """Block and character devices. The runtime mounts the host's own ``/dev``."""

    dev_content: Literal["drop", "keep"] = "drop"
    """Everything below the top directory ``dev``, as the older gateway did; the directory itself stays."""


class Limits(Frozen):
    """Where an image counts as hostile. None of these changes the bytes of an image that is accepted."""

    uncompressed_bytes: int = Field(default=512 * GIB, gt=0)
    """Of all layers together, holes of sparse files included."""

    entries: int = Field(default=5_000_000, gt=0)
    """Of all layers together. Memory is bounded by this: about 400 bytes an entry."""

    path_depth: int = Field(default=256, gt=0)

    ratio: int = Field(default=200, gt=0)
    """Uncompressed to compressed bytes of one layer, once it is beyond ``ratio_free_bytes``."""

    ratio_free_bytes: int = Field(default=4 * GIB, ge=0)
    """A layer smaller than this may be compressed as well as it likes: a small file of zeros is no attack."""

    duration_s: float = Field(default=6 * 3600.0, gt=0)

    reserve_bytes: int = Field(default=64 * MIB, ge=0)
    """Free space that a conversion leaves on the file system that it writes to."""


class ConversionOptions(Frozen):
    """Every setting of a conversion."""

    format: Literal["squashfs"] = "squashfs"
    compressor: Compressor = "zstd"
    """Kernels before 4.14 cannot mount zstd; ``gzip`` is for them."""

    level: int | None = None
    """None: the default of :data:`DEFAULT_LEVELS`."""

    block_bytes: int = Field(default=128 * 1024, ge=4096, le=MIB)
    """128 KiB reads back fastest: larger blocks are smaller by little and slow down small reads."""

    policy: Policy = Policy()
    limits: Limits = Limits()
    writer: WriterChoice = "auto"
    processors: int = Field(default=4, gt=0)
    """At most this many, and never more than the host has."""

    memory_bytes: int = Field(default=256 * MIB, ge=64 * MIB)
    """For writers that size their caches by the host's memory if not told otherwise (mksquashfs)."""

    def model_post_init(self, _context: object) -> None:
        """Refuse a level that the compressor does not know, and a block size that squashfs does not.

        Raises:
            ValueError: which pydantic reports with the path of the option.
        """
        levels = LEVEL_RANGES.get(self.compressor)
        if self.level is not None and (levels is None or self.level not in levels):
            known = "has no levels" if levels is None else f"has levels {levels.start} to {levels.stop - 1}"
            message = f"compressor {self.compressor} {known}, found {self.level}"
            raise ValueError(message)
        if self.block_bytes & (self.block_bytes - 1):
            message = f"block_bytes must be a power of two, found {self.block_bytes}"
            raise ValueError(message)

    @property
    def effective_level(self) -> int | None:
        return DEFAULT_LEVELS[self.compressor] if self.level is None else self.level

    def that_change_bytes(self) -> dict[str, JsonValue]:
        """Give the options after defaults that change the bytes of the result, as the artifact's key holds them.

        Limits, writer, processors and memory are absent: they decide whether and by what a file is made.
        """
        return {
            "block_bytes": self.block_bytes,
            "compressor": self.compressor,
            "level": self.effective_level,
            "policy": self.policy.model_dump(mode="json"),
        }


class EntryCounts(Frozen):
    """What the image file holds. ``hard_links`` are names beyond an inode's first."""

    directories: int
    files: int
    symlinks: int
    hard_links: int
    devices: int
    fifos: int

    @property
    def inodes(self) -> int:
        return self.directories + self.files + self.symlinks + self.devices + self.fifos


class ConversionRecord(Frozen):
    """What a conversion made, and from what."""

    digest: str
    size_bytes: int
    manifest_digest: str
    options: dict[str, JsonValue]
    tool: str
    tool_version: str
    examined_with: str
    """The program that read a sample back, and its version."""

    counts: EntryCounts
    uncompressed_bytes: int
    passes: int
    """How often the layers were read: 1, or more when a layer's entries depended on what came later."""

    duration_s: float
    provenance: dict[str, JsonValue]
    """An in-toto statement with SLSA provenance, to be kept beside the file."""
