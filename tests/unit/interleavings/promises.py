"""What the gateway promises, looked at whenever a document changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from imagegw.domain import status
from imagegw.domain.acl import Acl, holds
from imagegw.domain.records import Artifact, Image, Pull
from imagegw.mongo.documents import as_record
from imagegw.mongo.memory import MemoryDatabase

Document = dict[str, Any]


@dataclass
class Platform:
    """The directory of one platform."""

    files: dict[str, str] = field(default_factory=dict)
    """The claim under which each file was written, by image id."""
    metas: dict[str, Acl | None] = field(default_factory=dict)


@dataclass
class Promises:
    """Watches every change; what is wrong is kept in `broken`."""

    database: MemoryDatabase
    platform: Platform
    broken: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    """Claims whose holder has recorded an ending."""
    failed_rounds: dict[str, int] = field(default_factory=dict)
    """The newest round of each artifact and image that has failed."""

    def watch(self, collection: str, before: Document | None, after: Document | None, now: datetime) -> None:
        """A document has changed (before None: it is new; after None: it is gone)."""
        if before is None or after is None or collection not in {"pulls", "artifacts", "images"}:
            return
        self._is_legal(collection, before, after)
        self._has_one_holder(before, after, now)
        match collection:
            case "pulls" if before["status"] != after["status"]:
                self._pull_moved(as_record(Pull, after))
            case "artifacts":
                self._artifact_moved(before, as_record(Artifact, after))
            case "images":
                self._image_moved(before, as_record(Image, after))

    def _broken(self, sentence: str) -> None:
        self.broken.append(sentence)

    def _is_legal(self, collection: str, before: Document, after: Document) -> None:
        match collection:
            case "pulls":
                old, new = status.PullStatus(before["status"]), status.PullStatus(after["status"])
                legal = old == new or status.is_legal_for_pull(old, new)
            case "artifacts":
                legal = status.is_legal_for_artifact(*map(status.ArtifactState, (before["state"], after["state"])))
            case _:
                legal = status.is_legal_for_image(*map(status.ImageState, (before["state"], after["state"])))
        if not legal:
            word = "status" if collection == "pulls" else "state"
            self._broken(f"{after['_id']} went from {before[word]} to {after[word]}")

    def _has_one_holder(self, before: Document, after: Document, now: datetime) -> None:
        """A claim ends by its holder, by the end of its pull, or by a keeper after its time."""
        claim = claim_of(before)
        if claim is None or claim_of(after) == claim:
            return
        if claim_of(after) is not None:
            self._broken(f"{claim_of(after)} took {after['_id']} from its holder {claim}")
        elif after["history"][-1]["host"] == owner(claim):
            self.ended.add(claim)
        elif before["work"]["wake"] > now and after.get("status") not in {"READY", "FAILURE"}:
            self._broken(f"the claim {claim} on {after['_id']} was freed though it was renewed in time")

    def recorded(self, claim: str) -> None:
        """A worker believes that it has recorded the ending of its step."""
        if claim not in self.ended:
            self._broken(f"{claim} recorded a step that it held no more")

    def _pull_moved(self, pull: Pull) -> None:
        if pull.status is status.PullStatus.READY:
            self._pull_ready(pull)
        elif pull.status is status.PullStatus.FAILURE and pull.error is not None and pull.error.code != "cancelled":
            self._pull_failed(pull)

    def _pull_ready(self, pull: Pull) -> None:
        image = self.database.images.get(str(pull.image)) or {}
        image_id = image.get("image_id")
        if image_id not in self.platform.files or image_id not in self.platform.metas:
            self._broken(f"{pull.id} became READY without its file and .meta")
            return
        meta, public = self.platform.metas[image_id], bool(image["public"])
        if image["state"] != "READY":
            self._broken(f"{pull.id} became READY while its image is {image['state']}")
        elif not holds(meta, pull.wish, requester=pull.uid, public=public):
            self._broken(f"{pull.id} became READY while .meta does not admit whom it asked for")

    def _pull_failed(self, pull: Pull) -> None:
        if pull.rounds is None:
            self._broken(f"{pull.id} failed before it had joined anything")
            return
        own = {str(pull.artifact): pull.rounds.artifact, str(pull.image): pull.rounds.image}
        if not any(self.failed_rounds.get(key, 0) >= joined for key, joined in own.items()):
            self._broken(f"{pull.id} was ended by a failure older than itself")

    def _artifact_moved(self, before: Document, artifact: Artifact) -> None:
        if before["state"] == artifact.state:
            return
        if artifact.state is status.ArtifactState.FAILED:
            self.failed_rounds[artifact.id] = artifact.round
        if artifact.state is status.ArtifactState.IDLE and before["state"] != "failed":
            joined = {"live": True, "artifact": artifact.id, "rounds": {"$exists": True}}
            if self.database.pulls.count(joined) > 0:
                self._broken("an artifact went idle though a pull waits that has joined it")

    def _image_moved(self, before: Document, image: Image) -> None:
        if image.state is status.ImageState.FAILED and before["state"] != "failed":
            self.failed_rounds[image.id] = image.round
        was_removed = before["state"] == "EXPIRING" and claim_of(before) is not None
        if not before.get("is_wanted") or not was_removed or claim_of_image(image) is not None:
            return
        was_freed = image.work is not None and image.work.crashes > 0
        if image.state is not status.ImageState.DELIVER and not was_freed:
            self._broken(f"the wish for {image.id}, made while it was removed, was lost")


def claim_of(document: Mapping[str, Any]) -> str | None:
    """The claim that stands on a document."""
    work = document.get("work") or {}
    claim: str | None = work.get("claim")
    return claim


def claim_of_image(image: Image) -> str | None:
    """Likewise of a record."""
    return None if image.work is None else image.work.claim


def owner(claim: str) -> str:
    """The actor who made a claim: ids are its name and a number."""
    return claim.rpartition("-")[0]
