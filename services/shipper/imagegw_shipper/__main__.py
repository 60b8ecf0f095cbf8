"""Runs one shipper for all platforms: reads the configuration, wires the steps, works until told to stop."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import structlog

from imagegw import config, logs
from imagegw.domain.routing import ship
from imagegw.domain.status import Step
from imagegw.pipeline.performing import StepFunction
from imagegw.service import open_gateway, run_worker
from imagegw.store.configured import open_store
from imagegw_shipper.step import Shipper
from imagegw_shipper.transports.configured import transports

SERVICE = "shipper"

log = structlog.get_logger(__name__)


def main() -> None:
    """Run until SIGTERM; the process's exit status says whether it was stopped or gave up."""
    settings = config.load(None, os.environ)
    logs.configure(settings.log_level, SERVICE)
    gateway = open_gateway(settings, SERVICE)
    reachable = transports(settings)
    for name in settings.platforms.keys() - reachable.keys():
        log.error("platform_not_served", platform=name, access=settings.platforms[name].access_type)
    shipper = Shipper(transports=reachable, store=open_store(settings), removal_delay=settings.removal_delay)
    slots = {ship(name): settings.slots.deliver for name in settings.platforms}
    steps: Mapping[Step, StepFunction] = {Step.DELIVER: shipper.deliver, Step.REMOVE: shipper.remove}
    sys.exit(run_worker(gateway, SERVICE, steps, slots))


if __name__ == "__main__":
    main()
