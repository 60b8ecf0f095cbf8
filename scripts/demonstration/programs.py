"""Running other programs to their end, with their own words in the error."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable

from demonstration.telling import DemoFailed

_LAST_WORDS = 800
# Debian keeps some of them where only root's PATH leads.
SEARCH_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def output_of(*arguments: str | os.PathLike[str]) -> str:
    """What a program prints.

    Raises:
        DemoFailed: it ends with an error.
    """
    words = [os.fspath(argument) for argument in arguments]
    environ = {**os.environ, "PATH": SEARCH_PATH, "LC_ALL": "C"}
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", env=environ, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout)[-_LAST_WORDS:].strip()
        raise DemoFailed(f"{' '.join(words[:3])} … ended with {done.returncode}: {last}")
    return done.stdout


def demand(names: Iterable[str]) -> None:
    """Return if all of these programs are installed.

    Raises:
        DemoFailed: names those that are not.
    """
    missing = [name for name in names if shutil.which(name, path=SEARCH_PATH) is None]
    if missing:
        raise DemoFailed(f"not installed: {', '.join(missing)}; as root `make setup` installs what is missing")
