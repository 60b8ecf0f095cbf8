"""What the worker makes of a message: claimed or forgotten, run, recorded, and never kept alive by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from imagegw.contracts.codec import encode
from imagegw.contracts.work import Work, WorkKind
from imagegw.domain import artifacts
from imagegw.domain.patch import Patch
from imagegw.domain.records import RunConfig
from imagegw.domain.status import ArtifactState
from imagegw.errors import DatabaseAway, ManifestInvalid, MessageInvalid, RegistryFailed, StepAborted
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.performing import Held
from tests.support.working import FETCH_IT, Bench


def fetched(held: Held[Any]) -> Any:
    return lambda _: artifacts.end_fetch([], RunConfig(), large=False, now=held.desk.now())


def raising(error: Exception) -> Any:
    def step(_: Held[Any]) -> Any:
        raise error

    return step


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_step_that_is_due_is_claimed_run_and_recorded(bench: Bench) -> None:
    bench.perform(fetched)

    assert bench.artifact.state is ArtifactState.CONVERT
    assert bench.artifact.work is not None
    assert bench.artifact.work.claim is None


def test_the_claim_stands_before_the_job_runs(bench: Bench) -> None:
    bench.job(fetched)

    assert bench.document["work"]["claim"]


def test_a_message_whose_step_is_held_is_forgotten(bench: Bench) -> None:
    bench.job(fetched)

    assert bench.worker(fetched).claim("imagegw.fetch", FETCH_IT) is None


def test_a_message_for_what_is_not_there_is_forgotten(bench: Bench) -> None:
    message = encode(Work(kind=WorkKind.ARTIFACT, id="gone"))

    assert bench.worker(fetched).claim("imagegw.fetch", message) is None


def test_a_message_for_a_step_that_this_service_does_not_do_is_forgotten(bench: Bench) -> None:
    bench.perform(fetched)

    assert bench.worker(fetched).claim("imagegw.fetch", FETCH_IT) is None
    assert bench.artifact.state is ArtifactState.CONVERT


@pytest.mark.parametrize("body", [b"\xff", b"{}", encode(Work(kind=WorkKind.PLATFORM, id="p"))])
def test_what_is_no_work_of_ours_is_refused(bench: Bench, body: bytes) -> None:
    with pytest.raises(MessageInvalid):
        bench.worker(fetched).claim("imagegw.fetch", body)


def test_what_cannot_be_decoded_is_kept_raw_with_its_reason(bench: Bench) -> None:
    bench.worker(fetched).put_aside("imagegw.fetch", b"\xff", "it is no JSON")

    [aside] = bench.database.dead.find({})
    assert (aside["body"], aside["reason"], aside["queue"]) == (b"\xff", "it is no JSON", "imagegw.fetch")
    assert aside["at"] == bench.clock.now()


def test_a_permanent_error_fails_at_once(bench: Bench) -> None:
    bench.perform(raising(ManifestInvalid("broken")))

    assert bench.artifact.state is ArtifactState.FAILED
    assert bench.artifact.error is not None
    assert bench.artifact.error.code == "manifest_invalid"


def test_a_transient_error_puts_the_step_off_and_says_why(bench: Bench) -> None:
    bench.perform(raising(RegistryFailed("it says 500")))
    work = bench.artifact.work

    assert work is not None
    assert (work.claim, work.attempts, work.crashes) == (None, 1, 0)
    assert work.due == work.wake > bench.clock.now()
    assert bench.artifact.status_message == "it says 500"


def test_an_exception_that_nobody_foresaw_is_tried_five_times(bench: Bench) -> None:
    attempts: list[int] = []
    while bench.artifact.state is ArtifactState.FETCH and len(attempts) < 20:
        work = bench.artifact.work
        assert work is not None
        attempts.append(work.attempts)
        bench.clock.move((work.due - bench.clock.now()).total_seconds())
        bench.perform(raising(KeyError("oops")))

    assert attempts == [0, 1, 2, 3, 4]
    assert bench.artifact.state is ArtifactState.FAILED
    assert bench.artifact.error is not None
    assert bench.artifact.error.code == "unexpected"


def test_what_nobody_foresaw_is_not_shown_to_users(bench: Bench) -> None:
    bench.perform(raising(ValueError("password=hunter2")))

    assert "hunter2" not in str(bench.document)


def test_a_step_that_is_told_to_stop_is_handed_back_without_blame(bench: Bench) -> None:
    bench.perform(raising(StepAborted("the service ends")))
    work = bench.artifact.work

    assert work is not None
    assert (work.claim, work.attempts, work.crashes) == (None, 0, 0)
    assert work.due == bench.clock.now()


def test_a_holder_whose_claim_is_gone_records_nothing(bench: Bench) -> None:
    def step(held: Held[Any]) -> Any:
        bench.desk.change(type(held.record), "a", lambda _: Patch(set={"work": held.work}))  # another frees it
        bench.database.artifacts.update({"_id": "a"}, {"$set": {"work.claim": "another"}})
        return fetched(held)

    bench.perform(step)

    assert bench.artifact.state is ArtifactState.FETCH
    assert bench.document["work"]["claim"] == "another"


class AwayDesk(Desk):
    """A desk whose database does not answer to the first changes."""

    away = 0

    def change(self, *args: Any, **kwargs: Any) -> Any:
        if type(self).away > 0:
            type(self).away -= 1
            raise DatabaseAway("not now")
        return super().change(*args, **kwargs)


def test_the_ending_is_recorded_when_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(desk_class=AwayDesk)
    job = bench.job(fetched)
    monkeypatch.setattr(AwayDesk, "away", 3)
    job()

    assert bench.artifact.state is ArtifactState.CONVERT


def test_a_process_that_ends_waits_for_the_database_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(desk_class=AwayDesk)
    worker = bench.worker(fetched)
    job = worker.claim("imagegw.fetch", FETCH_IT)
    monkeypatch.setattr(AwayDesk, "away", 10**6)
    worker.end()
    job()

    assert bench.artifact.state is ArtifactState.FETCH


def test_a_fault_of_our_own_does_not_keep_the_claim_alive(bench: Bench) -> None:
    def step(_: Held[Any]) -> Any:
        def ending(_: Any) -> Any:
            raise RuntimeError("a fault in recording")

        return ending

    with pytest.raises(RuntimeError):
        bench.perform(step)
    wake = bench.document["work"]["wake"]
    bench.clock.move(10)
    bench.renewals.beat()

    assert bench.document["work"]["wake"] == wake
