"""Slot accounting of one queue: when to stop consuming and when to go on. Pure, for one thread."""

from __future__ import annotations


class Slots:
    """How many messages a queue's consumer may still take; one is used from delivery to the job's end."""

    def __init__(self, total: int) -> None:
        if total < 1:
            raise ValueError(f"a queue has {total} slots, expected at least one")
        self.total = total
        self.used = 0

    @property
    def has_room(self) -> bool:
        """Whether a message that came now could be started; without room nothing may be consumed."""
        return self.used < self.total

    @property
    def is_idle(self) -> bool:
        return self.used == 0

    def take(self) -> None:
        """A message was delivered: its slot is kept while it is being claimed."""
        if not self.has_room:
            raise ValueError(f"all {self.total} slots are taken")
        self.used += 1

    def give_back(self) -> None:
        """Nothing was claimed, or the job has ended."""
        if self.is_idle:
            raise ValueError("no slot is taken")
        self.used -= 1
