"""A worker service with one step, which waits until a file lets it go; run as a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from threading import Event

from imagegw import config, logs
from imagegw.amqp.lane import Lane
from imagegw.domain import artifacts
from imagegw.domain.records import Artifact, RunConfig
from imagegw.domain.routing import FETCH
from imagegw.domain.status import Step
from imagegw.mongo.change import Decide
from imagegw.pipeline.performing import Held
from imagegw.service import open_gateway, run_worker

SERVICE = "gated"
_POLL_S = 0.02


class GatedFetch:
    """Says in a directory that it has begun, and goes on when the file `open` is there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __call__(self, held: Held[Artifact]) -> Decide[Artifact]:
        (self._directory / f"{held.record.id}.{os.getpid()}").touch()
        pause, turns = Event(), 0
        while not (self._directory / "open").exists():
            turns += 1
            held.report(turns, None)
            pause.wait(_POLL_S)
        return lambda _: artifacts.end_fetch([], RunConfig(), large=False, now=held.desk.now())


def _fail(_lane: Lane) -> None:
    raise RuntimeError("a fault that nobody foresaw")


def main(directory: str, *faults: str) -> None:
    """Run until SIGTERM; with a fault named `consumer`, its consuming thread dies."""
    settings = config.load(None, os.environ)
    logs.configure(settings.log_level, SERVICE)
    if "consumer" in faults:
        Lane.consume_if_room = _fail  # type: ignore[method-assign, assignment]
    sys.exit(
        run_worker(open_gateway(settings, SERVICE), SERVICE, {Step.FETCH: GatedFetch(Path(directory))}, {FETCH: 1})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
