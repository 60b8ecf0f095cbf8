"""Runs one puller: reads the configuration, wires the steps, works until it is told to stop."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from imagegw import config, logs
from imagegw.config.conversion_options import conversion_options
from imagegw.config.secret_files import secret_keys
from imagegw.domain.oci import Architecture
from imagegw.domain.routing import FETCH, RESOLVE
from imagegw.domain.status import Step
from imagegw.logins import Logins
from imagegw.pipeline.performing import StepFunction
from imagegw.registry.configured import make_clients
from imagegw.registry.settings import InPlaceRetry
from imagegw.retry import IN_PLACE_ATTEMPTS, IN_PLACE_FIRST_WAIT_S, IN_PLACE_LAST_WAIT_S
from imagegw.service import open_gateway, run_worker
from imagegw.store.configured import open_store
from imagegw_puller.fetch import FetchLimits
from imagegw_puller.step import Puller

SERVICE = "puller"
IN_PLACE = InPlaceRetry(
    attempts=IN_PLACE_ATTEMPTS, first_wait_s=IN_PLACE_FIRST_WAIT_S, last_wait_s=IN_PLACE_LAST_WAIT_S
)


def main() -> None:
    """Run until SIGTERM; the process's exit status says whether it was stopped or gave up."""
    settings = config.load(None, os.environ)
    logs.configure(settings.log_level, SERVICE)
    gateway = open_gateway(settings, SERVICE)
    puller = Puller(
        registries=make_clients(settings.locations, IN_PLACE),
        default_location=settings.default_location,
        architectures={name: _architecture(platform.architecture) for name, platform in settings.platforms.items()},
        logins=Logins(gateway.database.secrets, secret_keys(settings)),
        options=conversion_options(settings),
        store=open_store(settings),
        limits=FetchLimits(retry=IN_PLACE),
        large_image_bytes=settings.large_image_bytes,
    )
    steps: Mapping[Step, StepFunction] = {Step.RESOLVE: puller.resolve, Step.FETCH: puller.fetch}
    slots = {RESOLVE: settings.slots.resolve, FETCH: settings.slots.fetch}
    sys.exit(run_worker(gateway, SERVICE, steps, slots))


def _architecture(text: str) -> Architecture:
    """The configuration's `amd64` or `arm/v7`, taken apart."""
    name, _, variant = text.partition("/")
    return Architecture(architecture=name, variant=variant or None)


if __name__ == "__main__":
    main()
