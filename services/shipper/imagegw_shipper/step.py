"""The shipper's steps: deliver and remove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from imagegw.domain import artifacts, images
from imagegw.domain.files import Names
from imagegw.domain.records import Artifact, FileRef, Image
from imagegw.domain.status import ArtifactState
from imagegw.errors import BlobMissing, PlatformNotServed
from imagegw.mongo.change import Decide
from imagegw.pipeline.performing import Held
from imagegw.store.port import LocalFiles
from imagegw_shipper.delivery import deliver
from imagegw_shipper.transports.port import Transport


@dataclass(frozen=True, kw_only=True)
class Shipper:
    """Delivers to and removes from the platforms that it has a transport to."""

    transports: Mapping[str, Transport]
    """By platform."""
    store: LocalFiles
    removal_delay: timedelta

    def deliver(self, held: Held[Image]) -> Decide[Image]:
        """File and `.meta` in place, or back to waiting if the store has lost what is to be delivered."""
        artifact = held.desk.read(Artifact, held.record.artifact)
        run_config = held.record.run_config if artifact is None else artifact.run_config
        made = _Made(held=held, artifact=artifact, store=self.store)
        try:
            done = deliver(held.record, run_config, self._transport(held.record), held, made)
        except BlobMissing:
            if artifact is not None:
                seen = artifact.round
                held.desk.change(Artifact, artifact.id, lambda a: artifacts.lose(a, seen, held.desk.now()))
            return lambda _: images.wait_for_artifact()
        return lambda current: images.end_deliver(current, done, held.desk.now())

    def remove(self, held: Held[Image]) -> Decide[Image]:
        """`.meta` at once, so that no new job finds the image; the file when no running job can need it."""
        image = held.record
        names = Names(image.image_id)
        transport = self._transport(image)
        held.check()
        if not image.is_meta_removed:
            transport.remove(names.meta)
            transport.sync()
            return lambda current: images.end_remove_meta(current, self.removal_delay, held.desk.now())
        transport.remove(names.file)
        transport.sync()
        return lambda current: images.end_remove_file(current, held.desk.now())

    def _transport(self, image: Image) -> Transport:
        if image.platform not in self.transports:
            raise PlatformNotServed(f"no shipper of this gateway has a way to the platform {image.platform}")
        return self.transports[image.platform]


@dataclass(frozen=True, kw_only=True)
class _Made:
    """The artifact's file in the store, pinned to the image before a byte of it is sent."""

    held: Held[Image]
    artifact: Artifact | None
    store: LocalFiles

    def pin(self) -> tuple[FileRef, Path]:
        artifact = self.artifact
        if artifact is None or artifact.state is not ArtifactState.MADE or artifact.squashfs is None:
            raise BlobMissing(f"of artifact {self.held.record.artifact}")
        file = artifact.squashfs
        path = self.store.path(file.digest)
        self.held.change(lambda _: images.pin_file(file))
        return file, path
