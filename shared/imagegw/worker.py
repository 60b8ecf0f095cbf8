"""The loop, once: a message comes, its step is claimed, acknowledged, run, recorded, and the next one published.

The consumer calls `claim` and acknowledges what it returns before the job runs; so a step may last for hours,
and a message is never a step's only trace: the database is.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from imagegw.contracts.codec import decode
from imagegw.contracts.work import Work
from imagegw.domain.status import Step
from imagegw.errors import ClaimLost, DatabaseAway, GatewayError, MessageInvalid, Unexpected
from imagegw.mongo.change import collection_of
from imagegw.pipeline.desk import CLASSES, Desk
from imagegw.pipeline.performing import Held, Performed, Result, StepFunction, record, run, take
from imagegw.renewal import Hold, Renewals

DATABASE_PAUSE_S = 1.0
"""Between two tries to record an ending while the database is away."""

log = structlog.get_logger(__name__)


class Worker:
    """Handles the messages of one service; what a consumer of its queues calls."""

    def __init__(
        self,
        desk: Desk,
        steps: Mapping[Step, StepFunction],
        renewals: Renewals,
        *,
        lifetime: timedelta,
        database_pause_s: float = DATABASE_PAUSE_S,
    ) -> None:
        self._desk = desk
        self._steps = steps
        self._renewals = renewals
        self._lifetime = lifetime
        self._database_pause_s = database_pause_s
        self._ended = threading.Event()

    def claim(self, queue: str, body: bytes) -> Any:
        """The job for the message, claimed; None when there is nothing to claim.

        Raises:
            MessageInvalid: the message cannot be decoded.
            DatabaseAway: ask again.
        """
        message = decode(body)
        if not isinstance(message, Work) or message.kind not in CLASSES:
            raise MessageInvalid(f"{queue} takes work messages for {', '.join(CLASSES)}, found {message!r}")
        held: Held[Any] | None = take(self._desk, CLASSES[message.kind], message.id, list(self._steps))
        if held is None:
            log.debug("message_forgotten", queue=queue, kind=message.kind, id=message.id)
            return None
        collection = collection_of(self._desk.database, held.kind)
        hold = self._renewals.add(collection, held.record.id, held.claim)
        return lambda: self._perform(replace(held, report=hold.report), hold)

    def put_aside(self, queue: str, body: bytes, reason: str) -> None:
        """Keep what cannot be decoded, for a person to look at."""
        aside = {"_id": self._desk.new_id(), "at": self._desk.now(), "queue": queue, "body": body, "reason": reason}
        self._desk.database.dead.insert(aside)

    def end(self) -> None:
        """Wait for the database no longer: the process ends."""
        self._ended.set()

    def _perform(self, held: Held[Any], hold: Hold) -> None:
        started = time.monotonic()
        bound = {"id": held.record.id, "kind": held.kind.__name__.lower(), "step": str(held.work.step)}
        platform = getattr(held.record, "platform", None)
        with structlog.contextvars.bound_contextvars(**bound, **({"platform": platform} if platform else {})):
            log.info("step_started", attempt=held.work.attempts + 1, crashes=held.work.crashes)
            try:
                performed = self._run_and_record(held)
            finally:
                # Whatever has gone wrong, even here: a claim that nobody works under must not be kept alive.
                self._renewals.remove(hold.claim)
            _tell(performed, time.monotonic() - started)

    def _run_and_record(self, held: Held[Any]) -> Performed:
        try:
            ending, performed = run(held, self._steps[held.work.step], jitter=random.random())  # noqa: S311
            while not self._ended.is_set():
                try:
                    record(held, ending, self._lifetime)
                except DatabaseAway as error:
                    log.warning("recording_delayed", error=error.sentence)
                    self._ended.wait(self._database_pause_s)
                else:
                    return performed
        except ClaimLost as error:
            return Performed(result=Result.CLAIM_LOST, error=error)
        return Performed(result=Result.CLAIM_LOST)


def _tell(performed: Performed, duration_s: float) -> None:
    """One summary line a step."""
    told: dict[str, object] = {"outcome": str(performed.result), "duration_s": round(duration_s, 3)}
    error = performed.error
    if isinstance(error, GatewayError):
        told |= {"code": error.code, "error": error.sentence}
    if performed.delay_s is not None:
        told["delay_s"] = round(performed.delay_s, 1)
    if error is not None and not isinstance(error, GatewayError | ClaimLost):
        log.error("step_ended", code=Unexpected.code, exc_info=error, **told)
    elif performed.result in {Result.PUT_OFF, Result.CLAIM_LOST}:
        log.warning("step_ended", **told)
    else:
        log.info("step_ended", **told)
