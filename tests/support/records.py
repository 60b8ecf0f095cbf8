"""Records as tests begin with them: right in themselves, with what a test does not name left at its plainest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from imagegw.domain.images import Placing
from imagegw.domain.records import Artifact, Failure, Image, Pull, Rounds, Source, Tag
from imagegw.domain.status import ArtifactState, ImageState, PullStatus

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOURCE = Source(location="", repository="library/app")
PLACING = Placing(platform="one", image_id="ab", artifact="key", manifest_digest="sha256:cd")
FAILURE = Failure(code="manifest_invalid", message="no manifest", hint="ask the owner", can_retry=False)

_PULL = Pull(
    id="p1",
    platform="one",
    type="docker",
    tag="app:1",
    uid=1000,
    gid=1000,
    user="alice",
    status=PullStatus.PULLING,
    live=True,
    created=NOW,
    admitted=NOW,
    deadline=NOW + timedelta(days=1),
    source=SOURCE,
    artifact="key",
    image="one:ab",
    rounds=Rounds(artifact=1, image=1, acl=1),
)
_ARTIFACT = Artifact(
    id="key",
    state=ArtifactState.FETCH,
    source=SOURCE,
    manifest_digest="sha256:cd",
    format="squashfs",
    options={},
    used_at=NOW,
)
_IMAGE = Image(
    id="one:ab",
    platform="one",
    image_id="ab",
    state=ImageState.WANTED,
    artifact="key",
    manifest_digest="sha256:cd",
)
_TAG = Tag(
    id="one/docker/app:1",
    platform="one",
    type="docker",
    tag="app:1",
    image="one:ab",
    digest="ab",
    manifest_digest="sha256:cd",
    repository="/library/app",
    public=False,
    readers=(1000,),
    resolved_at=NOW,
)


def a_pull(**fields: Any) -> Pull:
    """A live pull that has joined an artifact and an image."""
    return replace(_PULL, **fields)


def an_artifact(state: ArtifactState = ArtifactState.FETCH, **fields: Any) -> Artifact:
    """What that pull has joined, in its first round."""
    return replace(_ARTIFACT, state=state, **fields)


def an_image(state: ImageState = ImageState.WANTED, **fields: Any) -> Image:
    """What that pull has joined, in its first round."""
    return replace(_IMAGE, state=state, **fields)


def a_tag(**fields: Any) -> Tag:
    """The tag that a pull of the private repository has made."""
    return replace(_TAG, **fields)
