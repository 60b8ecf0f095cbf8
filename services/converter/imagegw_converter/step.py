"""The converter's step: layers of the store, one pass, one file in the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from imagegw.domain import artifacts
from imagegw.domain.conversion import ConversionOptions, ConversionRecord
from imagegw.domain.records import Artifact, FileRef
from imagegw.errors import BlobMissing
from imagegw.mongo.change import Decide
from imagegw.pipeline.following import is_awaited, rest
from imagegw.pipeline.performing import Held
from imagegw.store.port import LocalFiles, Store
from imagegw_converter.conversion import convert
from imagegw_converter.source import ConversionInput, Layer


class LocalStore(Store, LocalFiles, Protocol):
    """A store whose files this host can reach."""


@dataclass(frozen=True, kw_only=True)
class Converter:
    """Converts artifacts, with the site's options and store."""

    options: ConversionOptions
    store: LocalStore

    def convert(self, held: Held[Artifact]) -> Decide[Artifact]:
        """The layers as one checked file in the store, with its provenance beside it.

        What bears on the bytes comes from the artifact, whose key it is part of; the rest from this host.
        """
        artifact = held.record
        if not is_awaited(held.desk, artifact.id):
            return rest(held.desk, held.work)
        output = self.store.staging / f"convert.{artifact.id}.{held.claim}"
        _clear_away(self.store.staging, artifact.id)
        options = ConversionOptions.model_validate({**self.options.model_dump(), **artifact.options})
        try:
            record = convert(self._input(artifact), options, output, held.report)
            self.store.adopt(output, record.digest, record.size_bytes)
        except BlobMissing as missing:
            digest = missing.digest
            return lambda _: artifacts.refetch(digest, held.desk.now())
        finally:
            output.unlink(missing_ok=True)
        provenance = self._put_provenance(record)
        file = FileRef(digest=record.digest, size_bytes=record.size_bytes)
        facts = record.model_dump(mode="json", exclude={"provenance", "digest", "size_bytes", "options"})
        return lambda _: artifacts.end_convert(file, facts, provenance, examine=False, now=held.desk.now())

    def _input(self, artifact: Artifact) -> ConversionInput:
        layers = [
            Layer(
                digest=layer.digest,
                diff_id=layer.diff_id,
                media_type=layer.media_type,
                size_bytes=layer.size_bytes,
                open=self._opener(layer.digest),
            )
            for layer in artifact.layers
        ]
        return ConversionInput(manifest_digest=artifact.manifest_digest, layers=layers)

    def _opener(self, digest: str) -> Callable[[], BinaryIO]:
        return partial(self.store.open, digest)

    def _put_provenance(self, record: ConversionRecord) -> str:
        body = json.dumps(record.provenance, sort_keys=True, separators=(",", ":")).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.store.put(digest, len(body), [body])
        return digest


def _clear_away(staging: Path, artifact_id: str) -> None:
    """What holders that were killed have left of this artifact; names of temporaries begin with a dot."""
    for pattern in (f"convert.{artifact_id}.*", f".convert.{artifact_id}.*"):
        for left in staging.glob(pattern):
            left.unlink(missing_ok=True)
