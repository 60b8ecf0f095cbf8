"""How a pull follows what it points to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imagegw.domain.records import Artifact, Failure, Image, Pull, Rounds
from imagegw.domain.status import ArtifactState, ImageState, PullStatus


class Demand(StrEnum):
    """What must happen for the pull to go on. Meeting a demand twice does no harm."""

    NONE = "none"
    FETCH = "fetch"
    """Begin the fetch of an idle artifact."""
    WANT = "want"
    """Take an image that has expired since the pull joined it back into the wanted ones."""
    DELIVER = "deliver"
    """Make the delivery of the image due."""
    FINISH = "finish"
    """Move the tag, push the expiry out, end the pull."""
    FAIL = "fail"
    """End the pull with the failure given."""


@dataclass(frozen=True, kw_only=True)
class Following:
    """Where the pull stands by what it points to; status None: as it was."""

    status: PullStatus | None = None
    demand: Demand = Demand.NONE
    failure: Failure | None = None


_STAY = Following()
_MAKING = {
    ArtifactState.FETCH: PullStatus.PULLING,
    ArtifactState.CONVERT: PullStatus.CONVERSION,
    ArtifactState.EXAMINE: PullStatus.EXAMINATION,
}


def follow(pull: Pull, artifact: Artifact | None, image: Image | None) -> Following:
    """What *pull*'s status is by its artifact and image, and what must be done for it to go on.

    A pull that has not written its rounds is left alone: its resolve step is not over. A failure of round n
    ends only pulls that joined n or an earlier round, so that a new attempt is never ended by an old failure
    that somebody still holds in his hands.
    """
    if not pull.live or pull.rounds is None or image is None:
        return _STAY
    match image.state:
        case ImageState.READY:
            return _follow_ready(pull.rounds, image)
        case ImageState.FAILED:
            return _fail(image.error) if pull.rounds.image <= image.round else _STAY
        case ImageState.DELIVER:
            return Following(status=PullStatus.TRANSFER)
        case ImageState.EXPIRING:
            return Following(demand=Demand.DELIVER)
        case ImageState.EXPIRED if image.import_path is None:
            return Following(demand=Demand.WANT)
        case _:
            return _follow_artifact(pull.rounds, artifact, image)


def _follow_ready(rounds: Rounds, image: Image) -> Following:
    if image.acl_version < rounds.acl:
        return Following(status=PullStatus.TRANSFER, demand=Demand.DELIVER)
    return Following(demand=Demand.FINISH)


def _follow_artifact(rounds: Rounds, artifact: Artifact | None, image: Image) -> Following:
    if artifact is None:
        return _fail(image.error)
    match artifact.state:
        case ArtifactState.MADE:
            return Following(status=PullStatus.TRANSFER, demand=Demand.DELIVER)
        case ArtifactState.FAILED:
            return _fail(artifact.error) if rounds.artifact <= artifact.round else _STAY
        case ArtifactState.IDLE:
            return Following(demand=Demand.FETCH)
        case making:
            return Following(status=_MAKING[making])


def restore(image: Image, artifact: Artifact | None) -> Following:
    """What must be done for an image that lost its file and that no pull needs to ask for."""
    if image.state is not ImageState.WANTED or not image.is_restoring or artifact is None:
        return _STAY
    match artifact.state:
        case ArtifactState.MADE:
            return Following(demand=Demand.DELIVER)
        case ArtifactState.FAILED:
            return Following(demand=Demand.FAIL, failure=artifact.error)
        case ArtifactState.IDLE:
            return Following(demand=Demand.FETCH)
        case _:
            return _STAY


def _fail(failure: Failure | None) -> Following:
    return Following(status=PullStatus.FAILURE, demand=Demand.FAIL, failure=failure)
