"""The documents of the gateway as the rules see them: frozen records, one class a kind.

A record holds what decisions need; a document may hold more (a newer service's fields), which is never
dropped, since updates name the fields that they change. Times are aware UTC datetimes with milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from imagegw.domain.acl import Acl
from imagegw.domain.status import ArtifactState, ImageState, PullStatus, Step


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why something failed, as shown to users and compared by programs."""

    code: str
    message: str
    hint: str
    can_retry: bool
    """Whether the same pull, tried again, can end otherwise without anybody changing something."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A step that waits for a worker or is held by one."""

    step: Step
    due: datetime
    """Not before this time."""
    wake: datetime
    """When the keeper looks again: at a step that waits, whether its message was lost; at a held one, whether
    its holder lives."""
    claim: str | None = None
    """The holder's uuid."""
    host: str | None = None
    """The holder's host and process, for people."""
    attempts: int = 0
    """Transient failures of this step so far."""
    crashes: int = 0
    """Claims of this step whose holder died."""
    nudges: int = 0
    """How often the keeper has published this step again; sets its pace."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Bytes done of bytes in all, in the unit of the running step (compressed in fetch and convert)."""

    done_bytes: int
    total_bytes: int | None = None
    rate_bytes_per_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """What a pull has joined: the rounds of its artifact and image, and the version of the ACL it merged into."""

    artifact: int
    image: int
    acl: int


@dataclass(frozen=True, kw_only=True)
class BlobRef:
    """A blob of the image at its registry."""

    digest: str
    size_bytes: int
    media_type: str
    diff_id: str | None = None
    """Digest of the uncompressed layer; None for a configuration."""
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FileRef:
    """A finished file: its digest (`sha256:<hex>`) and length."""

    digest: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class DeliveredFile:
    """How the file stood on the platform when it was delivered; what a later look is compared with."""

    size_bytes: int
    mtime_s: float


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where an image comes from."""

    location: str
    repository: str


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What an image's configuration tells the runtime."""

    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    workdir: str | None = None
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a document's history."""

    rev: int
    change: str
    at: datetime
    host: str
    status: str
    message: str | None = None


@dataclass(frozen=True, kw_only=True)
class Pull:
    """One requester's wish that a reference be READY on a platform."""

    id: str
    rev: int = 0
    platform: str
    type: Literal["docker", "custom"]
    tag: str
    """As the user typed it, with `:latest` where nothing was said."""
    uid: int
    gid: int
    user: str
    wish: Acl | None = None
    """The ACL that was asked for."""
    status: PullStatus = PullStatus.INIT
    status_message: str | None = None
    error: Failure | None = None
    live: Literal[True] | None = None
    """True until the pull ends, then absent: the unique index on live pulls rests on it."""
    created: datetime
    admitted: datetime | None = None
    deadline: datetime
    ended: datetime | None = None
    source: Source | None = None
    digest: str | None = None
    """What the reference resolved to (index or manifest)."""
    manifest_digest: str | None = None
    """The platform's manifest."""
    public: bool | None = None
    """Whether the registry shows the image to anybody."""
    resolved_at: datetime | None = None
    artifact: str | None = None
    image: str | None = None
    rounds: Rounds | None = None
    progress: Progress | None = None
    work: Work | None = None
    idempotency: str | None = None
    import_path: str | None = None
    """The file on the platform that a `custom` pull imports."""
    trace: str | None = None
    seq: int = 0
    """Number of the newest status change: the events' number, without gaps."""
    told: int = 0
    """The newest status change whose event was confirmed."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """What converting one manifest with one set of options yields."""

    id: str
    rev: int = 0
    round: int = 1
    state: ArtifactState
    source: Source
    """The place that was asked last; a fetch on nobody's behalf goes there."""
    manifest_digest: str
    format: str
    options: dict[str, object]
    config: BlobRef | None = None
    layers: tuple[BlobRef, ...] = ()
    run_config: RunConfig | None = None
    large: bool = False
    """Whether it is converted by the slot for large images."""
    progress: Progress | None = None
    squashfs: FileRef | None = None
    record: dict[str, object] | None = None
    """Tool, versions, entry counts, duration."""
    provenance: str | None = None
    """Digest of the provenance document in the store."""
    used_at: datetime
    status_message: str | None = None
    error: Failure | None = None
    work: Work | None = None


@dataclass(frozen=True, kw_only=True)
class Image:
    """One id on one platform: file and `.meta`, ACL, expiry."""

    id: str
    """`<platform>:<image id>`"""
    rev: int = 0
    round: int = 1
    platform: str
    image_id: str
    """Lower-case hex of the digest that the reference resolved to; the name of the file."""
    state: ImageState
    artifact: str | None = None
    import_path: str | None = None
    manifest_digest: str | None = None
    public: bool = False
    run_config: RunConfig | None = None
    pin: FileRef | None = None
    """The bytes under the id; while a file stands it never changes."""
    file: DeliveredFile | None = None
    acl: Acl | None = None
    """What `.meta` says; None: everybody."""
    acl_version: int = 0
    """The version of the wanted ACL that `.meta` holds."""
    acl_wanted: Acl | None = None
    acl_wanted_version: int = 1
    pullers: tuple[int, ...] = ()
    last_pull: datetime | None = None
    expires: datetime | None = None
    is_wanted: bool = False
    """A join that came while a claim stood: the holder's ending update begins the delivery."""
    is_restoring: bool = False
    """Its file went missing: it waits for its artifact though no pull asks for it."""
    is_meta_removed: bool = False
    """Of an EXPIRING image: `.meta` is gone, the file waits for the removal delay."""
    remarks: tuple[str, ...] = ()
    """What the `.meta` could not express."""
    status_message: str | None = None
    error: Failure | None = None
    work: Work | None = None


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A typed name on a platform, and the image that it stands for."""

    id: str
    rev: int = 0
    platform: str
    type: Literal["docker", "custom"]
    tag: str
    image: str
    digest: str
    manifest_digest: str | None
    repository: str
    public: bool
    readers: tuple[int, ...] = ()
    """Uids that have proved access to the repository."""
    resolved_at: datetime


def image_key(platform: str, image_id: str) -> str:
    """The `_id` of an image document.

    >>> image_key("mycluster", "ab12")
    'mycluster:ab12'
    """
    return f"{platform}:{image_id}"


def tag_key(platform: str, kind: str, tag: str) -> str:
    """The `_id` of a tag document.

    >>> tag_key("mycluster", "docker", "ubuntu:latest")
    'mycluster/docker/ubuntu:latest'
    """
    return f"{platform}/{kind}/{tag}"
