"""Which queue the work of a document goes to."""

from __future__ import annotations

from imagegw.domain.records import Artifact, Image, Pull
from imagegw.domain.status import Step

RESOLVE = "resolve"
FETCH = "fetch"
CONVERT = "convert"
CONVERT_LARGE = "convert.large"


def ship(platform: str) -> str:
    """The key of a platform's shippers.

    >>> ship("mycluster")
    'ship.mycluster'
    """
    return f"ship.{platform}"


def routing_key(record: Pull | Artifact | Image) -> str | None:
    """The key under `imagegw.work` for the step that *record* waits for; None when it has no work."""
    if record.work is None:
        return None
    match record:
        case Pull():
            return RESOLVE if record.work.step is Step.RESOLVE else ship(record.platform)
        case Artifact():
            if record.work.step is Step.FETCH:
                return FETCH
            return CONVERT_LARGE if record.large else CONVERT
        case Image():
            return ship(record.platform)
