"""All of an image's blobs into the store, several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from imagegw.domain.oci import Descriptor
from imagegw.domain.progress import ReportProgress
from imagegw.errors import ImageTooLarge, StepAborted
from imagegw.registry.blobs import BlobSource
from imagegw.registry.settings import InPlaceRetry
from imagegw.store.port import Store
from imagegw_puller.download import Downloader
from imagegw_puller.stop import Stop
from imagegw_puller.tally import Tally

_REPORT_EVERY_S = 0.2


@dataclass(frozen=True, kw_only=True)
class FetchLimits:
    """What a site lets one image take, and how much is tried for it."""

    layer_bytes: int | None = None
    """Compressed; None: any."""
    image_bytes: int | None = None
    """All layers together, compressed; None: any."""
    connections: int = 4
    """Blobs of one image that are read at a time."""
    retry: InPlaceRetry = field(default_factory=InPlaceRetry)
    """How often in a row a transfer may break without a byte having come, and the pauses between."""


def fetch(
    blobs: Sequence[Descriptor],
    *,
    source: BlobSource,
    store: Store,
    claim: str,
    progress: ReportProgress,
    limits: FetchLimits,
) -> None:
    """Returns when every blob is in the store, verified. What is there already is not fetched again.

    Progress is reported by the calling thread alone, every 0.2 s, also when nothing comes. When one download
    fails, or progress raises, the others are broken off before the error goes on.

    Raises:
        ImageTooLarge: by the manifest's own numbers; nothing has been fetched then.
        StepAborted: progress said so; what has come is kept for whoever goes on.
    """
    check_size(blobs, limits)
    tally, stop = Tally(blobs), Stop()
    downloader = Downloader(source=source, store=store, claim=claim, tally=tally, stop=stop, retry=limits.retry)
    with ThreadPoolExecutor(max_workers=limits.connections, thread_name_prefix="download") as pool:
        # The largest first: the small ones then fill the gaps, and the last to end is seldom alone.
        futures = [pool.submit(downloader.fetch, blob) for blob in _largest_first(blobs)]
        try:
            _follow(futures, tally, progress)
        finally:
            stop.set()
    progress(tally.total_bytes, tally.total_bytes)


def check_size(blobs: Sequence[Descriptor], limits: FetchLimits) -> None:
    """Nothing, if the site takes an image of these blobs; raises like :func:`fetch`."""
    largest = max((blob.size_bytes for blob in blobs), default=0)
    if limits.layer_bytes is not None and largest > limits.layer_bytes:
        raise ImageTooLarge(f"expected layers of at most {limits.layer_bytes} bytes, found one of {largest}")
    whole = sum(blob.size_bytes for blob in blobs)
    if limits.image_bytes is not None and whole > limits.image_bytes:
        raise ImageTooLarge(f"expected an image of at most {limits.image_bytes} bytes, found {whole}")


def _follow(futures: Sequence[Future[None]], tally: Tally, progress: ReportProgress) -> None:
    """Returns when all are done; raises what the first of them raised, or what progress raises."""
    pending: set[Future[None]] = set(futures)
    while pending:
        progress(tally.done_bytes, tally.total_bytes)
        done, pending = wait(pending, timeout=_REPORT_EVERY_S, return_when=FIRST_EXCEPTION)
        for future in done:
            failure = future.exception()
            if failure is not None and not isinstance(failure, StepAborted):
                raise failure


def _largest_first(blobs: Sequence[Descriptor]) -> list[Descriptor]:
    once = {blob.digest: blob for blob in blobs}
    return sorted(once.values(), key=lambda blob: blob.size_bytes, reverse=True)
