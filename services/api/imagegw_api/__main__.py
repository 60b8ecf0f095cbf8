"""The api service: reads the configuration once, and serves."""

from __future__ import annotations

import os
import sys

from imagegw import logs
from imagegw.config import load
from imagegw_api.serving import serve


def main() -> None:
    """Serve until SIGTERM; the process's exit status says whether it could."""
    settings = load(None, os.environ)
    logs.configure(settings.log_level, "api")
    sys.exit(serve(settings))


if __name__ == "__main__":
    main()
