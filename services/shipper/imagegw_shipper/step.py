"""The shipper's steps: deliver and remove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from imagegw.domain import artifacts, images
from imagegw.domain.files import Names
from imagegw.domain.records import Artifact, Image, RunConfig
from imagegw.domain.status import ArtifactState
from imagegw.errors import BlobMissing, PlatformNotServed
from imagegw.mongo.change import Decide
from imagegw.pipeline.performing import Held
from imagegw.store.port import Store
from imagegw_shipper.delivery import deliver
from imagegw_shipper.source import StoredFile, stored_file
from imagegw_shipper.transports.port import Transport


@dataclass(frozen=True, kw_only=True)
class Shipper:
    """Delivers to and removes from the platforms that it has a transport to."""

    transports: Mapping[str, Transport]
    """By platform."""
    store: Store
    removal_delay: timedelta

    def deliver(self, held: Held[Image]) -> Decide[Image]:
        """File and `.meta` in place, or back to waiting if the store has lost what is to be delivered."""
        artifact = held.desk.read(Artifact, held.record.artifact)
        made = _Made(held=held, artifact=artifact, store=self.store)
        transport = self._transport(held.record)
        try:
            done = deliver(held.record, _run_config(held.record, artifact), transport, held, made)
        except BlobMissing:
            if artifact is not None:
                seen = artifact.round
                held.desk.change(Artifact, artifact.id, lambda a: artifacts.lose(a, seen, held.desk.now()))
            return images.wait_for_artifact
        return lambda current: images.end_deliver(current, done, held.desk.now())

    def remove(self, held: Held[Image]) -> Decide[Image]:
        """`.meta` at once, so that no new job finds the image; the file when no running job can need it."""
        image = held.record
        names = Names(image.image_id)
        transport = self._transport(image)
        gone = names.file if image.is_meta_removed else names.meta
        transport.stat(gone)  # refuses what is no regular file: that is not ours
        held.check()
        transport.remove(gone)
        transport.sync()
        if image.is_meta_removed:
            return lambda current: images.end_remove_file(current, held.desk.now())
        return lambda current: images.end_remove_meta(current, self.removal_delay, held.desk.now())

    def _transport(self, image: Image) -> Transport:
        if image.platform not in self.transports:
            raise PlatformNotServed(f"no shipper of this gateway has a way to the platform {image.platform}")
        return self.transports[image.platform]


def _run_config(image: Image, artifact: Artifact | None) -> RunConfig | None:
    """The artifact's, or what was delivered before: an artifact that is not made yet knows none."""
    if artifact is None or artifact.run_config is None:
        return image.run_config
    return artifact.run_config


@dataclass(frozen=True, kw_only=True)
class _Made:
    """The artifact's file in the store, pinned to the image before a byte of it is sent."""

    held: Held[Image]
    artifact: Artifact | None
    store: Store

    @contextmanager
    def pinned(self) -> Iterator[StoredFile]:
        artifact = self.artifact
        if artifact is None or artifact.state is not ArtifactState.MADE or artifact.squashfs is None:
            raise BlobMissing(f"of artifact {self.held.record.artifact}")
        pin = artifact.squashfs
        with stored_file(self.store, pin) as file:
            self.held.change(lambda image: images.pin_file(image, pin))
            yield file
