"""What the tests of downloads share: one layer large enough to be cut, and how it is fetched."""

from __future__ import annotations

import os
from collections.abc import Sequence

from imagegw.domain.oci import Descriptor
from imagegw.domain.progress import ReportProgress, ignore_progress
from imagegw.registry.client import RegistryClient
from imagegw.store.directory import DirectoryStore
from imagegw_puller.fetch import FetchLimits, fetch
from tests.integration.registry.conftest import QUICK
from tests.servers.small_registry import digest_of

LAYER = os.urandom(3 << 20)
DIGEST = digest_of(LAYER)
HALF = len(LAYER) // 2
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
BLOB = Descriptor(media_type=LAYER_TYPE, digest=DIGEST, size_bytes=len(LAYER))


def fetch_from(
    client: RegistryClient,
    store: DirectoryStore,
    blobs: Sequence[Descriptor] = (BLOB,),
    *,
    progress: ReportProgress = ignore_progress,
    limits: FetchLimits | None = None,
) -> None:
    """The blobs into the store, as the puller does it."""
    fetch(
        blobs,
        source=client.blobs("team/tool", None),
        store=store,
        claim="claim",
        progress=progress,
        limits=FetchLimits(retry=QUICK) if limits is None else limits,
    )


def read(store: DirectoryStore, digest: str = DIGEST) -> bytes:
    """The blob's bytes from the store."""
    with store.open(digest) as file:
        return file.read()


def left_over(store: DirectoryStore) -> list[int]:
    """The sizes of the uploads that have not become blobs."""
    return [path.stat().st_size for path in store.staging.iterdir()]
