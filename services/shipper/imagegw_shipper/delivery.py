"""Put an image's two files in place, by the rules for a directory that running jobs have mounted.

A file under an id is written once and never replaced. Whatever is given a name is complete, checked and on
disk; the image comes before its `.meta`, and both before the database.

Two holders of one image, of whom one has slept through the end of its claim, are kept apart by their
temporaries: each removes the others' before it names anything, so what the sleeper then wants to name is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from imagegw.domain.files import Names
from imagegw.domain.images import Delivery
from imagegw.domain.metafile import Meta, Rendered, render_meta
from imagegw.domain.progress import ReportProgress
from imagegw.domain.records import DeliveredFile, FileRef, Image, RunConfig
from imagegw.domain.superblock import SUPERBLOCK_BYTES
from imagegw.errors import DeliveryWrong, PlatformFull, PlatformRefused, PlatformUnreachable
from imagegw_shipper.judging import Found, is_as_delivered, judge
from imagegw_shipper.source import StoredFile
from imagegw_shipper.transports.port import Standing, Transport

_TURNS = 3
"""Looks at a name that somebody else takes or changes meanwhile; each finds another file there."""


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

    def pinned(self) -> AbstractContextManager[StoredFile]:
        """The file to deliver, open, its digest pinned in the database.

        Raises:
            BlobMissing: the store has it no more; nothing was pinned.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a look at the name found, and the digest of what can stay there."""

    found: Found
    right: FileRef | None = None
    standing: Standing | None = None


def deliver(image: Image, run_config: RunConfig | None, transport: Transport, held: Claim, made: Made) -> Delivery:
    """Both files in place; what the database is to say of them.

    Raises:
        DeliveryWrong: what was read back is not what was sent; it was not given its name.
        PlatformUnreachable, PlatformFull, PlatformRefused, BlobMissing, ClaimLost, StepAborted.
        RequestInvalid: the ACL cannot be said in `.meta`; nothing was touched.
    """
    names = Names(image.image_id)
    rendered = _rendered(image, run_config)
    transport.stat(names.meta)  # refuses what is no regular file, before anything is moved
    _take_over_temporaries(transport, names, held)
    with _gone_at_last(transport, names.temporary(held.claim)):
        pin = _place_file(image, names, transport, held, made)
    _write_meta(rendered, names, transport, held)
    transport.sync()
    return Delivery(
        pin=pin,
        file=_looked_at_once_more(pin, rendered, names, transport),
        acl=image.acl_wanted,
        acl_version=image.acl_wanted_version,
        run_config=run_config,
        remarks=rendered.remarks,
    )


def _take_over_temporaries(transport: Transport, names: Names, held: Claim) -> None:
    """Nothing of this image that other holders have begun can be given its name any more.

    Listed first and checked second: whatever is in the list is then of a claim older than ours.
    """
    own = names.temporary(held.claim)
    left = [name for name in transport.names() if names.is_temporary(name)]
    if left:
        held.check()
    for name in left:
        if names.is_of_image(name):
            transport.inherit(name, own)
        else:
            transport.remove(name)


def _place_file(image: Image, names: Names, transport: Transport, held: Claim, made: Made) -> FileRef:
    pin, recorded = image.pin, image.file
    for _ in range(_TURNS):
        look = _look(names.file, pin, recorded, transport, held.report)
        if look.right is not None:
            return look.right
        if look.found is Found.UNSETTLED or not _is_free(look, names.file, transport, held):
            continue
        with made.pinned() as source:
            pin, recorded = source.ref, None
            if _write_file(source, names, transport, held):
                return pin
    raise DeliveryWrong(f"{names.file} is changed again and again by somebody else")


def _look(
    name: str, pin: FileRef | None, recorded: DeliveredFile | None, transport: Transport, report: ReportProgress
) -> Look:
    """Size and time first; the whole file only where they do not settle it."""
    standing = transport.stat(name)
    if standing is None:
        return Look(found=Found.ABSENT)
    if is_as_delivered(standing, pin, recorded):
        return Look(found=Found.KEEP, right=pin)
    read, head = _read(transport, name, standing.size_bytes, report)
    if transport.stat(name) != standing:
        return Look(found=Found.UNSETTLED)
    found = judge(read, head, pin)
    return Look(found=found, right=read if found in {Found.KEEP, Found.ADOPT} else None, standing=standing)


def _is_free(look: Look, name: str, transport: Transport, held: Claim) -> bool:
    """Whether nothing has the name; a damaged file, if it is still the one that was judged, is taken away."""
    if look.found is Found.ABSENT:
        return True
    if transport.stat(name) != look.standing:
        return False
    held.check()
    transport.remove(name)
    return True


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


def _write_file(source: StoredFile, names: Names, transport: Transport, held: Claim) -> bool:
    """The pinned bytes under the name; False if something else got the name first."""
    temporary = names.temporary(held.claim)
    transport.upload(source, temporary, held.report)
    read, _ = _read(transport, temporary, source.size_bytes, held.report)
    if read != source.ref:
        raise DeliveryWrong(f"{names.file}: sent {source.ref.digest}, read back {read.digest}")
    held.check()
    return transport.name_new(temporary, names.file)


def _rendered(image: Image, run_config: RunConfig | None) -> Rendered:
    run = RunConfig() if run_config is None else run_config
    return render_meta(
        Meta(
            acl=image.acl_wanted,
            entry=() if run.entrypoint is None else run.entrypoint,
            cmd=() if run.cmd is None else run.cmd,
            workdir="" if run.workdir is None else run.workdir,
            env=run.env,
        )
    )


def _write_meta(rendered: Rendered, names: Names, transport: Transport, held: Claim) -> None:
    """`.meta` with the wanted ACL, replaced in one step."""
    temporary = names.meta_temporary(held.claim)
    with _gone_at_last(transport, temporary):
        transport.write(temporary, rendered.text.encode())
        held.check()
        transport.replace(temporary, names.meta)


def _looked_at_once_more(pin: FileRef, rendered: Rendered, names: Names, transport: Transport) -> DeliveredFile:
    """What stat says counts, not return codes: NFS repeats requests."""
    file, meta = transport.stat(names.file), transport.stat(names.meta)
    if file is None or file.size_bytes != pin.size_bytes:
        raise DeliveryWrong(f"{names.file} is not there, or not whole, after it was delivered")
    if meta is None or meta.size_bytes != len(rendered.text.encode()):
        raise DeliveryWrong(f"{names.meta} is not there, or not whole, after it was written")
    return DeliveredFile(size_bytes=file.size_bytes, mtime_s=file.mtime_s)


@contextmanager
def _gone_at_last(transport: Transport, temporary: str) -> Iterator[None]:
    """No temporary of ours stays, however this ends; a platform that is away keeps it for the next holder."""
    try:
        yield
    except BaseException:
        with suppress(PlatformUnreachable, PlatformFull, PlatformRefused):
            transport.remove(temporary)
        raise
    transport.remove(temporary)
