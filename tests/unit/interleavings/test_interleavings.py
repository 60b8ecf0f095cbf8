"""Every pull ends READY with its file, or FAILURE for a reason of its own, in whatever order things happen."""

from __future__ import annotations

import pytest

from tests.unit.interleavings import scenarios
from tests.unit.interleavings.scenarios import Scenario


def _all() -> dict[str, Scenario]:
    found = {name: value for name, value in vars(scenarios).items() if isinstance(value, Scenario)}
    for name, several in (("PAUSED", scenarios.PAUSED), ("CRASH_IN_EACH_STEP", scenarios.CRASH_IN_EACH_STEP)):
        found |= {f"{name} {key}": value for key, value in several.items()}
    return found


@pytest.mark.parametrize("scenario", [pytest.param(s, id=name.lower()) for name, s in _all().items()])
def test_no_order_breaks_a_promise(scenario: Scenario) -> None:
    assert scenario.explore() is None
