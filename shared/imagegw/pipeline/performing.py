"""Perform one step: claim it, run it, record how it ended, bring those whom it concerns along."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Generic

from imagegw import retry
from imagegw.domain import artifacts, images, pulls, work
from imagegw.domain.patch import Patch
from imagegw.domain.progress import ReportProgress, ignore_progress
from imagegw.domain.records import Artifact, Failure, Image, Pull, Work
from imagegw.domain.status import Step
from imagegw.errors import ClaimLost, StepAborted
from imagegw.mongo.change import Decide, collection_of
from imagegw.mongo.documents import Worked, as_record
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.sweeping import follow_changed


@dataclass(frozen=True, kw_only=True)
class Held(Generic[Worked]):
    """A claimed step: the document as it was claimed, and what its holder may do."""

    desk: Desk
    kind: type[Worked]
    record: Worked
    claim: str
    work: Work
    report: ReportProgress = field(default=ignore_progress)
    """Says how far the step is; raises StepAborted when the holder must stop."""

    def change(self, decide: Decide[Worked]) -> Worked:
        """Change the document in the middle of the step.

        Raises:
            ClaimLost: somebody else holds the step now.
        """
        record = self.desk.change(self.kind, self.record.id, decide, claim=self.claim).record
        if record is None:
            raise ClaimLost(f"{self.kind.__name__.lower()} {self.record.id} is gone")
        return record

    def check(self) -> None:
        """Look at the claim once more, and renew it, before something that cannot be taken back.

        Renewed, because nobody on the platform's side knows of claims: it must outlast the moment between
        the look and the act.

        Raises:
            ClaimLost: somebody else holds the step now.
        """
        renewal = work.renew(self.record.id, self.claim, self.desk.now(), None)
        if collection_of(self.desk.database, self.kind).update(*renewal) is None:
            raise ClaimLost(f"the claim on {self.record.id} stands no more")


StepFunction = Callable[[Held[Any]], Decide[Any]]
"""Does a step's work and returns its ending: the decision that records what came of it."""


class Result(StrEnum):
    """How a step ended, for logs and metrics."""

    DONE = "done"
    PUT_OFF = "put_off"
    FAILED = "failed"
    HANDED_BACK = "handed_back"
    CLAIM_LOST = "claim_lost"


@dataclass(frozen=True, kw_only=True)
class Performed:
    """What came of a step."""

    result: Result
    error: Exception | None = None
    delay_s: float | None = None


def take(desk: Desk, kind: type[Worked], identity: str, steps: Collection[Step]) -> Held[Worked] | None:
    """Claim the document's step if it is one of *steps*, due, and nobody's; else None.

    Raises:
        DatabaseAway: it may have been claimed; if so the claim dies by itself.
    """
    claim = desk.new_id()
    document = collection_of(desk.database, kind).update(*work.take(identity, steps, claim, desk.host, desk.now()))
    if document is None:
        return None
    record = as_record(kind, document)
    if record.work is None:  # pragma: no cover - the filter asks for work
        return None
    return Held(desk=desk, kind=kind, record=record, claim=claim, work=record.work)


def run(held: Held[Any], step: StepFunction, *, jitter: float) -> tuple[Decide[Any], Performed]:
    """Run the step of a claim; its ending, and what to say of it. Catches everything: the loop lives on.

    Raises:
        ClaimLost: somebody else holds the step now; there is nothing to record.
    """
    try:
        return step(held), Performed(result=Result.DONE)
    except ClaimLost:
        raise
    except StepAborted:
        return _hand_back(held), Performed(result=Result.HANDED_BACK)
    except Exception as error:  # noqa: BLE001 - the one place: every error is decided on by `retry`
        decision = retry.decide(error, held.work.attempts, jitter=jitter)
        if isinstance(decision, retry.GiveUp):
            return _fail(held, decision.failure), Performed(result=Result.FAILED, error=error)
        performed = Performed(result=Result.PUT_OFF, error=error, delay_s=decision.delay_s)
        return _put_off(held, decision), performed


def record(held: Held[Any], ending: Decide[Any], lifetime: timedelta) -> None:
    """Write the ending, then bring the pulls that are concerned along.

    Raises:
        ClaimLost: somebody else holds the step now, and the ending was not written.
        DatabaseAway: it may have been written; the same call again finds out.
    """
    outcome = held.desk.change(held.kind, held.record.id, ending, claim=held.claim)
    if outcome.record is not None:
        follow_changed(held.desk, outcome.record, lifetime)


def _hand_back(held: Held[Any]) -> Decide[Any]:
    def decide(_: Pull | Artifact | Image) -> Patch | None:
        now = held.desk.now()
        return Patch(set={"work": work.hand_back(held.work, now)}, message=f"{held.desk.host} hands back")

    return decide


def _put_off(held: Held[Any], again: retry.Again) -> Decide[Any]:
    def decide(_: Pull | Artifact | Image) -> Patch | None:
        now = held.desk.now()
        until = again.not_before if again.not_before is not None else now + timedelta(seconds=again.delay_s)
        later = work.put_off(held.work, until, counts=again.counts)
        return Patch(set={"work": later, "status_message": again.reason}, message=again.reason)

    return decide


def _fail(held: Held[Any], failure: Failure) -> Decide[Any]:
    def decide(current: Pull | Artifact | Image) -> Patch | None:
        match current:
            case Pull():
                return pulls.fail(current, failure, held.desk.now())
            case Artifact():
                return artifacts.fail(failure)
            case Image():
                return images.fail(current, failure, held.desk.now())

    return decide
