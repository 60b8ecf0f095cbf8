"""The states that pulls, artifacts and images can be in, and the changes between them that are legal."""

from __future__ import annotations

from enum import StrEnum


class PullStatus(StrEnum):
    """Where a pull stands, in the words that deployed clients understand."""

    INIT = "INIT"
    PENDING = "PENDING"
    PULLING = "PULLING"
    CONVERSION = "CONVERSION"
    EXAMINATION = "EXAMINATION"
    TRANSFER = "TRANSFER"
    READY = "READY"
    FAILURE = "FAILURE"


class ArtifactState(StrEnum):
    """Where the making of an artifact stands."""

    IDLE = "idle"
    FETCH = "fetch"
    CONVERT = "convert"
    EXAMINE = "examine"
    MADE = "made"
    FAILED = "failed"


class ImageState(StrEnum):
    """Where an image on one platform stands."""

    WANTED = "wanted"
    DELIVER = "deliver"
    READY = "READY"
    EXPIRING = "EXPIRING"
    EXPIRED = "EXPIRED"
    FAILED = "failed"


class Step(StrEnum):
    """What a worker can be asked to do."""

    RESOLVE = "resolve"
    FETCH = "fetch"
    CONVERT = "convert"
    EXAMINE = "examine"
    IMPORT = "import"
    DELIVER = "deliver"
    REMOVE = "remove"


ENDS = frozenset({PullStatus.READY, PullStatus.FAILURE})
"""A pull that is there is live no more."""

_FORWARD = tuple(PullStatus)
_A = ArtifactState
_I = ImageState

ARTIFACT_CHANGES: dict[ArtifactState, frozenset[ArtifactState]] = {
    _A.IDLE: frozenset({_A.FETCH}),
    _A.FETCH: frozenset({_A.CONVERT, _A.IDLE, _A.FAILED}),
    _A.CONVERT: frozenset({_A.EXAMINE, _A.MADE, _A.FETCH, _A.IDLE, _A.FAILED}),
    _A.EXAMINE: frozenset({_A.MADE, _A.FETCH, _A.IDLE, _A.FAILED}),
    _A.MADE: frozenset({_A.FETCH, _A.IDLE}),
    _A.FAILED: frozenset({_A.FETCH, _A.IDLE}),
}

IMAGE_CHANGES: dict[ImageState, frozenset[ImageState]] = {
    _I.WANTED: frozenset({_I.DELIVER, _I.EXPIRED, _I.FAILED}),
    _I.DELIVER: frozenset({_I.READY, _I.WANTED, _I.EXPIRED, _I.FAILED}),
    _I.READY: frozenset({_I.DELIVER, _I.WANTED, _I.EXPIRING, _I.FAILED}),
    _I.EXPIRING: frozenset({_I.DELIVER, _I.EXPIRED, _I.FAILED}),
    _I.EXPIRED: frozenset({_I.WANTED}),
    _I.FAILED: frozenset({_I.WANTED}),
}


def is_legal_for_pull(old: PullStatus, new: PullStatus) -> bool:
    """A pull only moves forward, may skip statuses, and may fail from any that is not an end.

    >>> is_legal_for_pull(PullStatus.PENDING, PullStatus.READY)
    True
    >>> is_legal_for_pull(PullStatus.READY, PullStatus.FAILURE)
    False
    """
    if old in ENDS:
        return False
    return _FORWARD.index(new) > _FORWARD.index(old)


def is_legal_for_artifact(old: ArtifactState, new: ArtifactState) -> bool:
    """Whether an artifact may go from *old* to *new* (staying is always legal)."""
    return new == old or new in ARTIFACT_CHANGES[old]


def is_legal_for_image(old: ImageState, new: ImageState) -> bool:
    """Whether an image may go from *old* to *new* (staying is always legal)."""
    return new == old or new in IMAGE_CHANGES[old]
