"""The four services as programs, told by their environment where broker and database are."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from imagegw_cli.up.process import Program

NAMES = ("api", "puller", "converter", "shipper")
_AFTER_GRACE_S = 15.0  # to hand back what was not finished within the grace, and to close


def programs(environ: Mapping[str, str], *, logs: Path, stop_grace_s: float) -> tuple[Program, ...]:
    """What to run; ``environ`` holds the addresses with their passwords, which thus stand in no argument."""
    return tuple(
        Program(
            name=name,
            argv=(sys.executable, "-m", "imagegw_cli", name),
            environ=environ,
            log=logs / f"{name}.log",
            stop_within_s=stop_grace_s + _AFTER_GRACE_S,
        )
        for name in NAMES
    )
