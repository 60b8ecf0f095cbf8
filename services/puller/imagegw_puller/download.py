"""One blob into the store: resumed, counted, verified."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from imagegw.domain.digests import digest_of
from imagegw.domain.oci import Descriptor
from imagegw.errors import BlobCorrupt, RegistryFailed, RegistryUnreachable
from imagegw.registry.blobs import BlobSource
from imagegw.registry.settings import InPlaceRetry
from imagegw.store.port import Resumable, Store, Upload
from imagegw_puller.stop import Stop
from imagegw_puller.tally import Tally


@dataclass(frozen=True, kw_only=True)
class Downloader:
    """Brings blobs from one source into one store, for one claim; safe for several threads."""

    source: BlobSource
    store: Store
    claim: str
    tally: Tally
    stop: Stop
    retry: InPlaceRetry
    """How often in a row a transfer may break without a byte having come, before the step is put off."""

    def fetch(self, blob: Descriptor) -> None:
        """Returns when the blob is in the store. A repeat is harmless, and goes on where the last one ended.

        Raises:
            BlobCorrupt: what the registry sends is not what the manifest says; nothing of it is kept.
            StepAborted: the stop was set; what has come is kept for the next try, if the store can.
        """
        self.stop.check()
        if not self.store.has(blob.digest):
            if blob.data is not None:
                self.store.put(blob.digest, blob.size_bytes, iter([_checked_data(blob)]))
            elif isinstance(self.store, Resumable):
                self._fetch_resumably(self.store, blob)
            else:
                self.store.put(blob.digest, blob.size_bytes, self._counted(blob, 0))
        self.tally.reached(blob.digest, blob.size_bytes)

    def _fetch_resumably(self, store: Resumable, blob: Descriptor) -> None:
        with store.resume(blob.digest, blob.size_bytes, claim=self.claim) as upload:
            resumed = upload.offset > 0
            try:
                self._fill(upload, blob)
            except BlobCorrupt:
                # A host that crashed may have left wrong bytes behind a right length; then the fault is ours.
                if not resumed:
                    raise
            else:
                return
        with store.resume(blob.digest, blob.size_bytes, claim=self.claim) as upload:
            upload.restart()
            self._fill(upload, blob)

    def _fill(self, upload: Upload, blob: Descriptor) -> None:
        with closing(self._counted(blob, upload.offset)) as chunks:
            for chunk in chunks:
                upload.write(chunk)
        upload.commit()

    def _counted(self, blob: Descriptor, offset: int) -> Generator[bytes]:
        self.tally.reached(blob.digest, offset)
        for chunk in self._resumed(blob, offset):
            yield chunk
            offset += len(chunk)
            self.tally.reached(blob.digest, offset)

    def _resumed(self, blob: Descriptor, offset: int) -> Iterator[bytes]:
        """The blob's bytes after *offset*, over as many connections as it takes."""
        fruitless = 0
        while offset < blob.size_bytes:
            before, failure = offset, None
            try:
                for chunk in self._over_one_connection(blob, offset):
                    offset += len(chunk)
                    yield chunk
            except (RegistryFailed, RegistryUnreachable) as error:
                failure = error
            self.stop.check()
            fruitless = 0 if offset > before else fruitless + 1
            if fruitless >= self.retry.attempts:
                raise failure or RegistryFailed(f"the registry has only {offset} bytes of {blob.digest}")
            if fruitless > 0:
                self.stop.sleep(min(self.retry.first_wait_s * 2.0**fruitless, self.retry.last_wait_s))

    def _over_one_connection(self, blob: Descriptor, offset: int) -> Iterator[bytes]:
        """The bytes after *offset*, until the blob or the connection ends.

        A server that cannot resume sends the blob from its beginning; what is there already is skipped, since
        the digest at the end proves both halves.
        """
        with self.source.open_blob(blob, offset) as stream, self.stop.watching(stream):
            skip = offset - stream.offset
            for chunk in stream.chunks():
                fresh = chunk[skip:] if skip else chunk
                skip = max(skip - len(chunk), 0)
                self.stop.check()
                if fresh:
                    yield fresh


def _checked_data(blob: Descriptor) -> bytes:
    """The bytes that the manifest itself carries (descriptor.md, "data")."""
    data = b"" if blob.data is None else blob.data
    if len(data) != blob.size_bytes or digest_of(data, like=blob.digest) != blob.digest:
        raise BlobCorrupt(f"expected {blob.digest} in the manifest's own data, found other bytes")
    return data
