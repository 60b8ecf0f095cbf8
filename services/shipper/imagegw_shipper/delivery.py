"""Put an image's two files in place, by the rules for a directory that running jobs have mounted.

A file under an id is written once and never replaced. Whatever is given a name is complete, checked and on
disk; the image comes before its `.meta`, and both before the database.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from imagegw.domain.files import Names
from imagegw.domain.images import Delivery
from imagegw.domain.metafile import Meta, render_meta
from imagegw.domain.progress import ReportProgress
from imagegw.domain.records import DeliveredFile, FileRef, Image, RunConfig
from imagegw.domain.superblock import SUPERBLOCK_BYTES, bytes_used
from imagegw.errors import DeliveryWrong
from imagegw_shipper.transports.port import Standing, Transport

_TURNS = 3
"""Looks at a name that somebody else takes while we write; each finds another file there."""


class Claim(Protocol):
    """What delivery needs of the claim that it runs under."""

    @property
    def claim(self) -> str: ...
    def check(self) -> None:
        """Raises ClaimLost."""
        ...

    @property
    def report(self) -> ReportProgress: ...


class Made(Protocol):
    """Where the bytes come from when no right file stands on the platform."""

    def pin(self) -> tuple[FileRef, Path]:
        """The file to deliver, in the store, its digest pinned in the database.

        Raises:
            BlobMissing: the store has it no more.
        """
        ...


class Found(StrEnum):
    """What a look at the name found."""

    KEEP = "keep"
    """The file as it was delivered, or the pinned bytes."""
    ADOPT = "adopt"
    """A whole squashfs file that nobody has pinned: an older gateway's."""
    DAMAGED = "damaged"
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a look at the name found, and the digest, where the file was read."""

    found: Found
    pin: FileRef | None = None


def judge(image: Image, standing: Standing | None, read: FileRef | None, head: bytes) -> Found:
    """What is to become of what stands under the name.

    *read* is None as long as the file has not been read: then only what its size and time say is known.
    """
    if standing is None:
        return Found.ABSENT
    if read is None:
        recorded = image.file
        same = recorded is not None and (recorded.size_bytes, recorded.mtime_s) == (
            standing.size_bytes,
            standing.mtime_s,
        )
        return Found.KEEP if same and image.pin is not None else Found.DAMAGED
    if image.pin is not None:
        return Found.KEEP if read.digest == image.pin.digest else Found.DAMAGED
    used = bytes_used(head)
    return Found.ADOPT if used is not None and used <= read.size_bytes else Found.DAMAGED


def deliver(image: Image, run_config: RunConfig | None, transport: Transport, held: Claim, made: Made) -> Delivery:
    """Both files in place; what the database is to say of them.

    Raises:
        DeliveryWrong: what was read back is not what was sent; it was not given its name.
        PlatformUnreachable, PlatformFull, PlatformRefused, BlobMissing, ClaimLost, StepAborted.
    """
    names = Names(image.image_id)
    _clear_away(transport, names, held.claim)
    pin = _place_file(image, names, transport, held, made)
    rendered = _write_meta(image, run_config, names, transport, held)
    transport.sync()
    return _looked_at_once_more(image, pin, names, transport, rendered, run_config)


def _place_file(image: Image, names: Names, transport: Transport, held: Claim, made: Made) -> FileRef:
    for _ in range(_TURNS):
        look = _look(image, names.file, transport, held.report)
        if look.found in {Found.KEEP, Found.ADOPT} and look.pin is not None:
            return look.pin
        if look.found is Found.DAMAGED:
            held.check()
            transport.remove(names.file)
        pin = _write_file(names, transport, held, made)
        if pin is not None:
            return pin
    raise DeliveryWrong(f"{names.file} is given to another file again and again while this one is written")


def _look(image: Image, name: str, transport: Transport, report: ReportProgress) -> Look:
    """Size and time first; the whole file only where they do not settle it."""
    standing = transport.stat(name)
    if standing is None:
        return Look(found=Found.ABSENT)
    if judge(image, standing, None, b"") is Found.KEEP:
        return Look(found=Found.KEEP, pin=image.pin)
    read, head = _read(transport, name, standing.size_bytes, report)
    return Look(found=judge(image, standing, read, head), pin=read)


def _read(transport: Transport, name: str, size: int, report: ReportProgress) -> tuple[FileRef, bytes]:
    digest = hashlib.sha256()
    done = 0
    head = b""
    for piece in transport.read(name):
        if len(head) < SUPERBLOCK_BYTES:
            head = (head + piece)[:SUPERBLOCK_BYTES]
        digest.update(piece)
        done += len(piece)
        report(done, size)
    return FileRef(digest=f"sha256:{digest.hexdigest()}", size_bytes=done), head


def _write_file(names: Names, transport: Transport, held: Claim, made: Made) -> FileRef | None:
    """The pinned bytes under the name; None if something else got the name first."""
    pin, source = made.pin()
    temporary = names.temporary(held.claim)
    try:
        transport.upload(source, temporary, held.report)
        read, _ = _read(transport, temporary, pin.size_bytes, held.report)
        if read != pin:
            raise DeliveryWrong(f"{names.file}: sent {pin.digest}, read back {read.digest}")
        held.check()
        return pin if transport.name_new(temporary, names.file) else None
    finally:
        transport.remove(temporary)


def _write_meta(
    image: Image, run_config: RunConfig | None, names: Names, transport: Transport, held: Claim
) -> tuple[str, ...]:
    """`.meta` with the wanted ACL, replaced in one step; what it could not say."""
    run = RunConfig() if run_config is None else run_config
    rendered = render_meta(
        Meta(
            acl=image.acl_wanted,
            entry=run.entrypoint or (),
            cmd=run.cmd or (),
            workdir=run.workdir or "",
            env=run.env,
        )
    )
    temporary = names.meta_temporary(held.claim)
    try:
        transport.write(temporary, rendered.text.encode())
        held.check()
        transport.replace(temporary, names.meta)
    finally:
        transport.remove(temporary)
    return rendered.remarks


def _looked_at_once_more(
    image: Image,
    pin: FileRef,
    names: Names,
    transport: Transport,
    remarks: tuple[str, ...],
    run_config: RunConfig | None,
) -> Delivery:
    """What stat says counts, not return codes: NFS repeats requests."""
    file, meta = transport.stat(names.file), transport.stat(names.meta)
    if file is None or meta is None or file.size_bytes != pin.size_bytes:
        raise DeliveryWrong(f"{names.file} or its metadata is not there after it was delivered")
    return Delivery(
        pin=pin,
        file=DeliveredFile(size_bytes=file.size_bytes, mtime_s=file.mtime_s),
        acl=image.acl_wanted,
        acl_version=image.acl_wanted_version,
        run_config=run_config,
        remarks=remarks,
    )


def _clear_away(transport: Transport, names: Names, claim: str) -> None:
    """Temporaries of this id that holders before us have left."""
    for name in list(transport.names()):
        if names.is_temporary(name) and not names.is_of_claim(name, claim):
            transport.remove(name)
