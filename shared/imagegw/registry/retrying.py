"""Short failures of a registry, tried again in place; which these are, and how long to wait between."""

from __future__ import annotations

import tenacity

from imagegw.errors import RegistryFailed, RegistryUnreachable
from imagegw.registry.settings import InPlaceRetry


def retrying(policy: InPlaceRetry) -> tenacity.Retrying:
    """Calls a function again, by *policy*, as long as it fails in a way that may pass within seconds."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_short),
        stop=tenacity.stop_after_attempt(policy.attempts),
        wait=tenacity.wait_random_exponential(multiplier=policy.first_wait_s, max=policy.last_wait_s),
        reraise=True,
    )


def is_short(error: BaseException) -> bool:
    """Whether trying again within seconds may help: not when the registry has named a time."""
    return isinstance(error, RegistryUnreachable | RegistryFailed) and error.retry_after_s is None
