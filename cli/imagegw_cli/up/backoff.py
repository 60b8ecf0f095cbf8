"""How long to wait before a program that ended is started again."""

from __future__ import annotations

_FIRST_S = 0.5
_LONGEST_S = 30.0
STEADY_AFTER_S = 60.0
"""A program that ran so long had started well: what ended it is news, not a repetition."""


def pause_s(failures: int) -> float:
    """The wait after so many ends in a row: doubling, bounded.

    >>> [pause_s(failures) for failures in (1, 2, 3, 10)]
    [0.5, 1.0, 2.0, 30.0]
    """
    return min(_LONGEST_S, _FIRST_S * float(2 ** min(failures - 1, 10)))


def failures_after(failures: int, ran_s: float) -> int:
    """The ends in a row, counting one that came after ``ran_s``.

    >>> failures_after(3, 1.0), failures_after(3, 3600.0)
    (4, 1)
    """
    return 1 if ran_s >= STEADY_AFTER_S else failures + 1
