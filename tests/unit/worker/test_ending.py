"""How a worker service ends: what runs gets its grace, what has ended is not waited for."""

from __future__ import annotations

import threading
from typing import Any, cast

from imagegw import service
from imagegw.amqp.consumer import Consumer
from imagegw.errors import StepAborted
from imagegw.service import HAND_BACK_S
from tests.support.working import Bench


class Steps:
    """Stands for a consumer: its steps end when *until* says so."""

    def __init__(self, until: threading.Event | None = None) -> None:
        self._until = until
        self.waited_s: float | None = None

    def stop(self, grace_s: float) -> bool:
        self.waited_s = grace_s
        return True if self._until is None else self._until.wait(30)


def end(bench: Bench, steps: Steps, grace_s: float) -> None:
    worker = bench.worker(lambda _: lambda _: None)
    bench.renewals.start()
    service._end(cast("Consumer", steps), bench.renewals, worker, grace_s)


def timers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_a_service_whose_steps_have_ended_does_not_sit_out_its_grace() -> None:
    before = timers()
    end(Bench(), Steps(), 3600.0)
    for timer in timers():
        timer.join(10)

    assert [timer for timer in timers() if timer not in before] == []


def test_steps_that_outlast_the_grace_are_told_to_stop() -> None:
    bench = Bench()
    hold = bench.renewals.add(bench.database.artifacts, "a", "claim")
    steps = Steps(until=hold.stop)
    end(bench, steps, 0.0)

    assert steps.waited_s == HAND_BACK_S
    raised: Any = None
    try:
        hold.report(1, None)
    except StepAborted as error:
        raised = error
    assert raised is not None
