"""Makes one image file of an image's layers."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from imagegw.domain.conversion import ConversionRecord
from imagegw.errors import LayerRefused, StoreFailed, WriterFailed
from imagegw_converter import passes, provenance
from imagegw_converter.assembler import Assembler
from imagegw_converter.formats import FORMATS
from imagegw_converter.formats.port import Expected
from imagegw_converter.layers import NeedsIndex
from imagegw_converter.passes import LayerPass
from imagegw_converter.space import SpaceWatch
from imagegw_converter.writer_process import WriterDied, WriterProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagegw.domain.conversion import ConversionOptions, EntryCounts
    from imagegw.domain.progress import ReportProgress
    from imagegw_converter.formats.port import Format, Writer
    from imagegw_converter.source import ConversionInput

_PIECE = 1 << 20
_NO_SPACE = "No space left on device"


def convert(
    image: ConversionInput, options: ConversionOptions, output: Path, progress: ReportProgress
) -> ConversionRecord:
    """Write the image as one file that is complete, checked and on disk once it has its name.

    Args:
        image: its layers are read at least once, each from its start.
        options: every setting.
        output: the file; what stands there is replaced. Temporary files are made beside it.
        progress: told the compressed bytes read so far of all layers; starts again when they are read again.

    Raises:
        StepAborted: from ``progress``.
        LayerInvalid, LayerRefused: the image's fault.
        BlobMissing: from a layer's ``open``.
        StoreFull, StoreFailed, ToolMissing, WriterFailed, ResultWrong: this host's.

    However it fails, it leaves nothing behind.
    """
    return _Conversion(image, options, output, progress).run()


@dataclass(frozen=True, kw_only=True)
class _Written:
    """What was sent to a writer that then ended well."""

    expected: Expected
    counts: EntryCounts
    uncompressed_bytes: int
    passes: int


class _Conversion:
    def __init__(
        self, image: ConversionInput, options: ConversionOptions, output: Path, progress: ReportProgress
    ) -> None:
        self._image = image
        self._options = options
        self._output = output
        self._progress = progress
        self._format: Format = FORMATS[options.format]
        self._writer: Writer = self._format.writer(options)
        self._total = sum(layer.size_bytes for layer in image.layers)
        self._read = 0
        self._started = time.monotonic()

    def run(self) -> ConversionRecord:
        begun = datetime.now(UTC)
        with _temporary(self._output) as temporary:
            space = SpaceWatch(temporary, self._options.limits.reserve_bytes, self._total)
            space.check_before()
            written = self._write(temporary, space)
            self._writer.settle(temporary)
            examined_with = self._format.check(temporary, self._writer, self._options, written.expected)
            digest, size = self._digest(temporary)
            record = self._record(written, digest, size, examined_with, begun)
            _give_name(temporary, self._output)
        return record

    def _record(
        self, written: _Written, digest: str, size: int, examined_with: str, begun: datetime
    ) -> ConversionRecord:
        return ConversionRecord(
            digest=digest,
            size_bytes=size,
            manifest_digest=self._image.manifest_digest,
            options=self._options.that_change_bytes(),
            tool=self._writer.name,
            tool_version=self._writer.version,
            examined_with=examined_with,
            counts=written.counts,
            uncompressed_bytes=written.uncompressed_bytes,
            passes=written.passes,
            duration_s=round(time.monotonic() - self._started, 3),
            provenance=provenance.statement(
                self._image,
                self._options,
                self._writer,
                gateway_version=version("imagegw"),
                digest=digest,
                started=begun,
                finished=datetime.now(UTC),
            ),
        )

    def _write(self, temporary: Path, space: SpaceWatch) -> _Written:
        """Feed the writer in one pass, or, if that cannot be, from an index."""
        policy = self._options.policy
        try:
            return self._feed(temporary, space, passes.stream_once, readings=1)
        except NeedsIndex:
            tree = passes.index(self._pass(space))

        def write(layers: LayerPass, _policy: object, assembler: Assembler) -> None:
            passes.write_indexed(layers, tree, policy, assembler)

        return self._feed(temporary, space, write, readings=3)

    def _feed(
        self,
        temporary: Path,
        space: SpaceWatch,
        produce: Callable[..., None],
        *,
        readings: int,
    ) -> _Written:
        layers = self._pass(space)
        command = self._writer.command(self._options, self._processors(), temporary)
        try:
            with WriterProcess(command) as process:
                assembler = Assembler(process.write, self._options.policy, layers.budget)
                produce(layers, self._options.policy, assembler)
                process.finish(self._still_going)
        except WriterDied as error:
            if _NO_SPACE in error.last_words:
                raise space.full(self._read) from error
            raise WriterFailed(str(error)) from error
        counts = assembler.counts()
        return _Written(
            expected=Expected(
                inodes=counts.inodes, names=assembler.listed_names(), sample=assembler.sample.contents()
            ),
            counts=counts,
            uncompressed_bytes=layers.budget.uncompressed_bytes,
            passes=readings,
        )

    def _pass(self, space: SpaceWatch) -> LayerPass:
        def on_read(done: int) -> None:
            self._read = done
            self._still_going()
            space.check_while(done)

        return LayerPass(self._image, self._options.limits, on_read)

    def _still_going(self) -> None:
        """Report, and stop what takes too long."""
        self._progress(self._read, self._total)
        limit = self._options.limits.duration_s
        if time.monotonic() - self._started > limit:
            message = f"the conversion took longer than {limit:.0f} s, the site's limit"
            raise LayerRefused(message)

    def _processors(self) -> int:
        return min(self._options.processors, len(os.sched_getaffinity(0)))

    def _digest(self, file: Path) -> tuple[str, int]:
        """Hash the finished file, and have it on disk."""
        digest = hashlib.sha256()
        size = 0
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
                size += len(piece)
                self._progress(self._read, self._total)
            os.fsync(stream.fileno())
        return f"sha256:{digest.hexdigest()}", size


@contextmanager
def _temporary(output: Path) -> Iterator[Path]:
    """Make an empty file beside ``output`` that is gone after the context unless it was renamed."""
    try:
        handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.", suffix=".tmp")
    except OSError as error:
        message = f"no file can be made in {output.parent}: {error}"
        raise StoreFailed(message) from error
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _give_name(temporary: Path, output: Path) -> None:
    temporary.replace(output)
    directory = os.open(output.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
