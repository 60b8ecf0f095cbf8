"""A pull joins what it points to: link first, look second."""

from __future__ import annotations

from imagegw.domain import artifacts, images, pulls
from imagegw.domain.acl import Acl, merge_acl
from imagegw.domain.artifacts import Making
from imagegw.domain.images import Placing
from imagegw.domain.pulls import Link
from imagegw.domain.records import Artifact, Image, Pull, Rounds
from imagegw.domain.status import ImageState
from imagegw.errors import StepAborted
from imagegw.pipeline.desk import Desk

_STANDING = frozenset({ImageState.READY, ImageState.EXPIRING})
"""States in which the file is on the platform already, so that the artifact need not be made."""


def join(desk: Desk, pull_id: str, claim: str, link: Link, making: Making, placing: Placing) -> Rounds:
    """Link the pull, join its image and artifact, and return the rounds that it joined.

    Writing the rounds is the caller's ending of the resolve step: only that ends it, so a crash before it
    repeats all of this, which does no harm.

    Raises:
        StepAborted: the pull has ended meanwhile.
        ClaimLost: the claim stands no more.
    """
    linked = desk.change(Pull, pull_id, lambda pull: pulls.link(pull, link), claim=claim)
    if linked.record is None or linked.patch is None:
        raise StepAborted(f"pull {pull_id} has ended")
    image = _join_image(desk, linked.record, placing, public=link.public)
    artifact = _join_artifact(desk, making, needed=image.state not in _STANDING)
    return Rounds(artifact=artifact.round, image=image.round, acl=image.acl_wanted_version)


def _join_image(desk: Desk, pull: Pull, placing: Placing, *, public: bool) -> Image:
    def merged(current: Acl | None, *, was_public: bool) -> Acl | None:
        return merge_acl(current, pull.wish, requester=pull.uid, public=public or was_public)

    while True:
        fresh = images.new(placing, public=public, acl=merged(None, was_public=False))
        if desk.insert(fresh):
            return fresh
        outcome = desk.change(
            Image,
            fresh.id,
            lambda image: images.join(
                image,
                placing,
                public=public,
                acl=merged(image.acl_wanted, was_public=image.public),
                now=desk.now(),
            ),
        )
        if outcome.record is not None:
            return outcome.record


def _join_artifact(desk: Desk, making: Making, *, needed: bool) -> Artifact:
    while True:
        fresh = artifacts.new(making, desk.now(), needed=needed)
        if desk.insert(fresh):
            return fresh
        outcome = desk.change(
            Artifact,
            making.key,
            lambda artifact: artifacts.join(artifact, making.source, desk.now(), needed=needed),
        )
        if outcome.record is not None:
            return outcome.record
