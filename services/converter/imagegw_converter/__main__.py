"""Runs one converter: reads the configuration, wires the step, works until it is told to stop."""

from __future__ import annotations

import os
import sys

from imagegw import config, logs
from imagegw.config.conversion_options import conversion_options
from imagegw.domain.routing import CONVERT, CONVERT_LARGE
from imagegw.domain.status import Step
from imagegw.service import open_gateway, run_worker
from imagegw.store.configured import open_store
from imagegw_converter.step import Converter

SERVICE = "converter"


def main() -> None:
    """Run until SIGTERM; the process's exit status says whether it was stopped or gave up."""
    settings = config.load(None, os.environ)
    logs.configure(settings.log_level, SERVICE)
    gateway = open_gateway(settings, SERVICE)
    converter = Converter(options=conversion_options(settings), store=open_store(settings))
    slots = {CONVERT: settings.slots.convert, CONVERT_LARGE: settings.slots.convert_large}
    sys.exit(run_worker(gateway, SERVICE, {Step.CONVERT: converter.convert}, slots))


if __name__ == "__main__":
    main()
