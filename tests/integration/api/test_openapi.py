"""The published description, and whether the running application is as it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.integration.api.application import Served, token

pytestmark = pytest.mark.integration

WIRE_CALLS = {
    "/api/list/{system}/",
    "/api/queue/{system}/",
    "/api/lookup/{system}/{type}/{tag}/",
    "/api/pull/{system}/{type}/{tag}/",
}


def test_the_application_is_as_it_describes_itself(served: Served, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{served.url}/openapi.json", "--header", f"Authorization: Bearer {token('alice')}"),
        *(
            "--include-path-regex",
            "^/api/v1/",
            "--max-examples",
            "20",
            "--workers",
            "1",
            "--no-color",
            "--generation-deterministic",
        ),
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)

    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]


def test_every_call_is_described(served: Served) -> None:
    paths = served.get("/openapi.json").json()["paths"]

    assert set(paths) >= WIRE_CALLS | {"/healthz", "/readyz", "/api/v1/pulls"}


def test_the_description_is_for_whom_the_gateway_knows(served: Served) -> None:
    assert requests.get(f"{served.url}/openapi.json", timeout=30).status_code == 401
    assert served.get("/docs").status_code == 404
