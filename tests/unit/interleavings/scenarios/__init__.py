"""The situations in which actors can get into each other's way, by topic, each as small as shows it."""

from __future__ import annotations

from tests.unit.interleavings.scenario import Scenario
from tests.unit.interleavings.scenarios import acl, expiry, holders, joining, removal, restoring, tags

TOPICS = (joining, acl, tags, expiry, removal, restoring, holders)


def by_name() -> dict[str, Scenario]:
    """Every scenario there is."""
    found = {}
    for topic in TOPICS:
        for name, value in vars(topic).items():
            if isinstance(value, Scenario):
                found[name] = value
            elif isinstance(value, dict):
                found |= {f"{name} {key}": each for key, each in value.items() if isinstance(each, Scenario)}
    return found
