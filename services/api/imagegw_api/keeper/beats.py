"""When the keeper does what, as plain decisions on times."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

BEAT_S = 1.0
MISSED_S = 3 * BEAT_S
"""A keeper that has not beaten for so long may have slept: holders may be alive that it has not seen renew."""
PATIENCE_S = 30.0
"""How long it then waits before it frees a claim: as long as a claim stands without renewal."""


class Duty(StrEnum):
    """What a keeper does."""

    SWEEP = "sweep"
    ADMIT = "admit"
    FOLLOW = "follow"
    EXPIRE = "expire"


INTERVALS_S = {Duty.SWEEP: BEAT_S, Duty.ADMIT: BEAT_S, Duty.FOLLOW: 10.0, Duty.EXPIRE: 60.0}


@dataclass
class Beats:
    """A keeper's memory of when it last did what; times are seconds of a monotonic clock."""

    last_beat_s: float | None = None
    awake_since_s: float = 0.0
    done_s: dict[Duty, float] = field(default_factory=dict)

    def beat(self, now_s: float) -> list[Duty]:
        """The duties whose time has come, marked as done."""
        if self.last_beat_s is None or now_s - self.last_beat_s > MISSED_S:
            self.awake_since_s = now_s
        self.last_beat_s = now_s
        due = [duty for duty, every_s in INTERVALS_S.items() if self._is_due(duty, every_s, now_s)]
        self.done_s.update(dict.fromkeys(due, now_s))
        return due

    def rest(self, now_s: float) -> None:
        """The beat is over. What its duties took was no sleep: only the pause until the next one can be."""
        self.last_beat_s = now_s

    def forget(self) -> None:
        """Another is the keeper now, or nobody could renew: what this one knows of holders is worth nothing."""
        self.last_beat_s = None

    def may_free_claims(self, now_s: float) -> bool:
        """Whether this keeper has been awake for long enough to tell a dead holder from an unseen one."""
        return self.last_beat_s is not None and now_s - self.awake_since_s >= PATIENCE_S

    def _is_due(self, duty: Duty, every_s: float, now_s: float) -> bool:
        last = self.done_s.get(duty)
        return last is None or now_s - last >= every_s
