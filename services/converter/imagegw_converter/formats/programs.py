"""Programs of the host: where they are, and which version."""

from __future__ import annotations

import re
import shutil
import subprocess

from imagegw.errors import ToolMissing

_VERSION = re.compile(r"\d+(?:\.\d+)+(?:-\S+)?")
_ANSWER_TIMEOUT_S = 30


def is_installed(name: str) -> bool:
    """Say whether a program is in ``PATH``."""
    return shutil.which(name) is not None


def version(name: str, argument: str) -> str:
    """Ask a program for its version.

    Raises:
        ToolMissing: it cannot be run.
    """
    try:
        answer = subprocess.run(
            [name, argument], capture_output=True, text=True, timeout=_ANSWER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{name} does not run on this host: {error}"
        raise ToolMissing(message) from error
    found = _VERSION.search(answer.stdout + answer.stderr)
    return found.group() if found else "unknown"
