"""The keeper's loop, in a thread of the api."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import structlog

from imagegw.domain.admission import Limits
from imagegw.errors import DatabaseAway
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.sweeping import admit, expire, follow_admitted, sweep
from imagegw_api.keeper.beats import BEAT_S, Beats, Duty
from imagegw_api.keeper.lock import hold, release

log = structlog.get_logger(__name__)


class Keeper:
    """Beats once a second while it holds the lock.

    Args:
        desk: where.
        lifetime: what a READY image gets when a pull ends with it.
        limits: how many pulls are under way at most.
    """

    def __init__(self, desk: Desk, *, lifetime: timedelta, limits: Limits) -> None:
        self._desk = desk
        self._lifetime = lifetime
        self._limits = limits
        self._beats = Beats()
        self._is_keeper = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def end(self) -> None:
        """Beat no more, and let another process begin at once."""
        self._ended.set()
        self._thread.join(10 * BEAT_S)

    def _run(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                self._beat()
            except DatabaseAway as error:
                self._beats.forget()
                log.warning("keeper_delayed", error=error.sentence)
            except Exception:
                log.exception("keeper_failed")
        if self._is_keeper:
            self._give_up()

    def _beat(self) -> None:
        is_keeper = hold(self._desk.database.locks, self._desk.host, self._desk.now())
        if is_keeper != self._is_keeper:
            self._is_keeper = is_keeper
            log.info("keeper_elected" if is_keeper else "keeper_replaced", host=self._desk.host)
        if not is_keeper:
            self._beats.forget()
            return
        for duty in self._beats.beat(time.monotonic()):
            self._do(duty)
        self._beats.rest(time.monotonic())

    def _do(self, duty: Duty) -> None:
        match duty:
            case Duty.SWEEP:
                frees = self._beats.may_free_claims(time.monotonic())
                sweep(self._desk, self._lifetime, frees_claims=frees)
            case Duty.ADMIT:
                admit(self._desk, self._limits)
            case Duty.FOLLOW:
                follow_admitted(self._desk, self._lifetime)
            case Duty.EXPIRE:
                for image in expire(self._desk):
                    log.info("image_expired", image=image)

    def _give_up(self) -> None:
        try:
            release(self._desk.database.locks, self._desk.host)
        except DatabaseAway as error:
            log.warning("keeper_not_released", error=error.sentence)
