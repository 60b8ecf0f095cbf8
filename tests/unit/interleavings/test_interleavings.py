"""Every pull ends READY with its file, or FAILURE for a reason of its own, in whatever order things happen."""

from __future__ import annotations

import pytest

from tests.unit.interleavings.scenario import Scenario
from tests.unit.interleavings.scenarios import by_name


@pytest.mark.parametrize("scenario", [pytest.param(s, id=name.lower()) for name, s in by_name().items()])
def test_no_order_breaks_a_promise(scenario: Scenario) -> None:
    assert scenario.explore() is None
