"""What can happen to an artifact, each as a decision on the artifact as it was read. None: nothing to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imagegw.domain.patch import Patch
from imagegw.domain.records import Artifact, BlobRef, Failure, FileRef, RunConfig, Source
from imagegw.domain.status import ArtifactState, Step
from imagegw.domain.work import due


@dataclass(frozen=True, kw_only=True)
class Making:
    """What an artifact is made from and how."""

    key: str
    source: Source
    manifest_digest: str
    format: str
    options: dict[str, object]


def new(making: Making, now: datetime, *, needed: bool) -> Artifact:
    """An artifact that nobody has asked for before; its fetch is due if it is *needed* now."""
    return Artifact(
        id=making.key,
        state=ArtifactState.FETCH if needed else ArtifactState.IDLE,
        source=making.source,
        manifest_digest=making.manifest_digest,
        format=making.format,
        options=making.options,
        used_at=now,
        work=due(Step.FETCH, now) if needed else None,
    )


def join(artifact: Artifact, source: Source, now: datetime, *, needed: bool) -> Patch:
    """One more pull points to it. Always a change, so that an artifact about to go idle sees the newcomer.

    A pull whose image is READY does not need it now; should the image go, `follow` will demand the fetch, and
    an old failure is none of that pull's.
    """
    if needed and artifact.state in {ArtifactState.IDLE, ArtifactState.FAILED}:
        return _begin(artifact, now, source=source, message="fetch begins anew")
    if artifact.state is ArtifactState.FAILED:
        idle = {"state": ArtifactState.IDLE, "round": artifact.round + 1, "source": source, "used_at": now}
        return Patch(set=idle, unset=("error", "status_message"), message="joined, not needed yet")
    return Patch(set={"used_at": now}, message="joined")


def begin(artifact: Artifact, now: datetime) -> Patch | None:
    """A live pull waits for an artifact that nobody makes."""
    if artifact.state is not ArtifactState.IDLE:
        return None
    return _begin(artifact, now, source=artifact.source, message="fetch begins anew")


def lose(artifact: Artifact, seen_round: int, now: datetime) -> Patch | None:
    """The store has lost the file that was made in *seen_round*: fetch again."""
    if artifact.state is not ArtifactState.MADE or artifact.round != seen_round:
        return None
    return _begin(artifact, now, source=artifact.source, message="its file vanished from the store")


def refetch(digest: str, now: datetime) -> Patch:
    """The holder's ending when a layer has vanished under it; the round goes on."""
    return Patch(
        set={"state": ArtifactState.FETCH, "work": due(Step.FETCH, now)},
        message=f"blob {digest} vanished from the store",
    )


def _begin(artifact: Artifact, now: datetime, *, source: Source, message: str) -> Patch:
    return Patch(
        set={
            "state": ArtifactState.FETCH,
            "round": artifact.round + 1,
            "source": source,
            "used_at": now,
            "work": due(Step.FETCH, now),
        },
        unset=("error", "progress", "status_message"),
        message=message,
    )


def list_blobs(config: BlobRef, layers: Sequence[BlobRef]) -> Patch:
    """Written before the first blob is looked for, so that the collector of garbage sees what is needed."""
    return Patch(set={"config": config, "layers": tuple(layers)}, message=f"needs {len(layers)} layers")


def end_fetch(layers: Sequence[BlobRef], run_config: RunConfig, *, large: bool, now: datetime) -> Patch:
    """Every blob is in the store and verified."""
    return Patch(
        set={
            "state": ArtifactState.CONVERT,
            "layers": tuple(layers),
            "run_config": run_config,
            "large": large,
            "work": due(Step.CONVERT, now),
        },
        unset=("progress", "status_message"),
        message="fetched",
    )


def end_convert(
    squashfs: FileRef, record: Mapping[str, Any], provenance: str | None, *, examine: bool, now: datetime
) -> Patch:
    """The file is in the store; it is made unless the site's examiner has to accept it first."""
    results = {"squashfs": squashfs, "record": dict(record), "provenance": provenance}
    gone = ("progress", "status_message")
    if examine:
        results |= {"state": ArtifactState.EXAMINE, "work": due(Step.EXAMINE, now)}
        return Patch(set=results, unset=gone, message="converted")
    return Patch(set={**results, "state": ArtifactState.MADE}, unset=(*gone, "work"), message="made")


def go_idle() -> Patch:
    """Nobody waits for it any more. Guarded by the rev that was read before the waiting pulls were."""
    return Patch(set={"state": ArtifactState.IDLE}, unset=("work", "progress", "status_message"), message="idle")


def fail(failure: Failure) -> Patch:
    """This round fails, and with it the pulls that have joined it or an earlier one."""
    return Patch(
        set={"state": ArtifactState.FAILED, "error": failure},
        unset=("work", "progress", "status_message"),
        message=failure.message,
    )
