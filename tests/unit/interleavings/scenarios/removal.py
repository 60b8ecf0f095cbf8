"""An image is wanted again while it is removed."""

from __future__ import annotations

from tests.unit.interleavings.actors import worker
from tests.unit.interleavings.preparing import IMAGE, expired, file_due, second_pull
from tests.unit.interleavings.scenario import Scenario, all_ready

DELIVER_AGAINST_REMOVE_META = Scenario(
    prepare=second_pull(expired),
    actors=lambda g: {
        "remover": worker(g, "remover", "image", IMAGE),
        "resolver": worker(g, "resolver", "pull", "p2"),
    },
    check=all_ready,
)


DELIVER_AGAINST_REMOVE_FILE = Scenario(
    prepare=second_pull(file_due),
    actors=lambda g: {
        "remover": worker(g, "remover", "image", IMAGE),
        "resolver": worker(g, "resolver", "pull", "p2"),
    },
    check=all_ready,
)
