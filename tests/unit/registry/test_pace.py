"""When a transfer counts as too slow."""

from __future__ import annotations

from imagegw.registry.body import Pace


def test_a_transfer_is_judged_at_the_end_of_each_window() -> None:
    now_s = [0.0]
    pace = Pace(100, 10.0, lambda: now_s[0])

    def comes(came: int, after_s: float) -> bool:
        now_s[0] += after_s
        return pace.is_too_slow(came)

    assert not comes(1, 9.0)
    assert not comes(999, 1.0)
    assert not comes(1, 9.9)
    assert comes(998, 0.2)
