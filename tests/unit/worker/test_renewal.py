"""A claim is renewed while its step moves, and only then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from imagegw.domain import artifacts
from imagegw.domain.work import CLAIM_S
from imagegw.errors import ClaimLost, DatabaseAway, StepAborted
from imagegw.renewal import BEAT_S, QUIET_S, Hold, Renewals
from tests.support.working import STALL_S, Bench, Noted


class Held:
    """One claim of a bench, and the collection as the renewals see it."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bench.job(lambda _: lambda _: artifacts.go_idle())
        self.claim = self.bench.document["work"]["claim"]
        self.bench.renewals.remove(self.claim)
        self.collection = Noted(self.bench.database.artifacts)
        self.hold: Hold = self.bench.renewals.add(self.collection, "a", self.claim)

    @property
    def lives_for_s(self) -> float:
        left: timedelta = self.bench.document["work"]["wake"] - self.bench.clock.now()
        return left.total_seconds()

    def beat_for(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        for _ in range(int(seconds / BEAT_S)):
            self.bench.clock.move(BEAT_S)
            each()
            self.bench.renewals.beat()


@pytest.fixture
def held() -> Held:
    return Held()


def test_a_quiet_claim_never_comes_near_its_end(held: Held) -> None:
    left: list[float] = []
    held.beat_for(STALL_S, lambda: left.append(held.lives_for_s))

    assert min(left) >= CLAIM_S - QUIET_S - BEAT_S


def test_a_quiet_claim_is_not_written_at_every_beat(held: Held) -> None:
    held.beat_for(60)

    assert len(held.collection.notes) == 60 / QUIET_S


def test_progress_is_written_with_the_renewal_at_every_beat(held: Held) -> None:
    done = iter(range(100, 1000, 100))
    held.beat_for(3, lambda: held.hold.report(next(done), 1000))

    assert len(held.collection.notes) == 3
    assert held.bench.document["progress"] == {"done_bytes": 300, "total_bytes": 1000, "rate_bytes_per_s": 100.0}


def test_a_renewal_does_not_raise_rev(held: Held) -> None:
    before = held.bench.document["rev"]
    held.beat_for(20, lambda: held.hold.report(int(held.bench.clock.passed_s), None))

    assert held.bench.document["rev"] == before


def test_many_reports_between_beats_are_one_write(held: Held) -> None:
    for done in range(1000):
        held.hold.report(done, 1000)
    held.beat_for(1)

    assert len(held.collection.notes) == 1


def test_progress_that_starts_over_has_no_negative_rate(held: Held) -> None:
    done = iter([500, 100])
    held.beat_for(2, lambda: held.hold.report(next(done), None))

    assert held.bench.document["progress"]["rate_bytes_per_s"] == 0.0


def test_a_claim_that_another_took_stops_the_step(held: Held) -> None:
    held.bench.database.artifacts.update({"_id": "a"}, {"$set": {"work.claim": "another"}})
    held.beat_for(QUIET_S)

    with pytest.raises(ClaimLost):
        held.hold.report(1, None)
    assert held.bench.stalls == []


def test_a_lost_claim_is_not_asked_for_again(held: Held) -> None:
    held.bench.database.artifacts.update({"_id": "a"}, {"$set": {"work.claim": "another"}})
    held.beat_for(60)

    assert len(held.collection.notes) == 1


def test_a_database_that_is_away_loses_no_claim_that_still_stands(held: Held) -> None:
    held.collection.failure = DatabaseAway("not now")
    held.beat_for(60)
    held.hold.report(1, None)
    held.collection.failure = None
    held.beat_for(1)

    assert held.lives_for_s == CLAIM_S


def test_a_step_without_progress_stalls(held: Held) -> None:
    held.beat_for(STALL_S)
    assert held.bench.stalls == []
    held.beat_for(2)

    assert held.bench.stalls == [STALL_S + 1]
    with pytest.raises(ClaimLost):
        held.hold.report(1, None)


def test_a_stalled_claim_is_left_to_die_though_the_step_wakes(held: Held) -> None:
    held.beat_for(STALL_S + 2)
    wake = held.bench.document["work"]["wake"]
    held.beat_for(20)

    assert held.bench.document["work"]["wake"] == wake


def test_the_same_report_again_and_again_is_no_progress(held: Held) -> None:
    held.hold.report(7, 10)
    with pytest.raises(ClaimLost):
        held.beat_for(STALL_S + 5, lambda: held.hold.report(7, 10))


def test_a_moving_step_never_stalls(held: Held) -> None:
    held.beat_for(3 * STALL_S, lambda: held.hold.report(int(held.bench.clock.passed_s), None))

    assert held.bench.stalls == []


def test_steps_that_are_to_stop_stop_at_their_next_report(held: Held) -> None:
    held.hold.report(1, None)
    held.bench.renewals.stop_steps()

    with pytest.raises(StepAborted) as stopped:
        held.hold.report(2, None)
    assert not isinstance(stopped.value, ClaimLost)


def test_a_step_that_begins_when_all_are_to_stop_stops_too(held: Held) -> None:
    held.bench.renewals.stop_steps()
    late = held.bench.renewals.add(held.bench.database.artifacts, "b", "late")

    with pytest.raises(StepAborted):
        late.report(0, None)


def test_a_step_that_is_to_stop_keeps_its_claim_until_it_has(held: Held) -> None:
    held.bench.renewals.stop_steps()
    held.beat_for(60)

    assert held.lives_for_s >= CLAIM_S - QUIET_S


def test_what_is_removed_is_not_renewed(held: Held) -> None:
    held.bench.renewals.remove(held.claim)
    held.beat_for(60)

    assert held.collection.notes == []


def test_renewals_that_break_end_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would renew any claim any more, while the process went on to take them."""
    monkeypatch.setattr("imagegw.renewal.BEAT_S", 0.0)
    bench = Bench()
    ended = threading.Event()
    renewals = Renewals(now=bench.clock.now, clock=bench.clock.monotonic, stall_s=STALL_S, on_stall=ended.set)
    broken = Noted(bench.database.artifacts)
    broken.failure = KeyError("a fault in it")
    renewals.add(broken, "a", "claim").report(1, None)
    renewals.start()

    assert ended.wait(30)
    renewals.end()
