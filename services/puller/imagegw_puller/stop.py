"""Ends all downloads of an image at once, also those that wait for a silent registry."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from imagegw.errors import StepAborted
from imagegw.registry.blobs import BlobStream


class Stop:
    """Set once by one thread, heeded by all others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: set[BlobStream] = set()
        self._event = threading.Event()

    def set(self) -> None:
        """Every thread that uses this ends soon: its next check raises, its stream is interrupted."""
        with self._lock:
            self._event.set()
            streams = tuple(self._streams)
        for stream in streams:
            stream.interrupt()

    def check(self) -> None:
        """Nothing, unless it has been set.

        Raises:
            StepAborted: it has.
        """
        if self._event.is_set():
            raise StepAborted

    def sleep(self, seconds: float) -> None:
        """A pause that ends early, by raising as :meth:`check` does, when this is set."""
        self._event.wait(seconds)
        self.check()

    @contextmanager
    def watching(self, stream: BlobStream) -> Iterator[None]:
        """Within it the stream is among those that :meth:`set` interrupts."""
        with self._lock:
            self._streams.add(stream)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._streams.discard(stream)
