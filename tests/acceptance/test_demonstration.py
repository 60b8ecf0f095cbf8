"""`make demo`: it shows what it says, works again, and leaves nothing behind however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "demo"
FULL_S = 1200
"""For debootstrap, and for the claims of killed workers to die."""

pytestmark = pytest.mark.acceptance


@pytest.fixture
def scratch(open_directory: Path) -> Iterator[Path]:
    """Where the demonstration makes its directory; empty afterwards."""
    directory = open_directory / "scratch"
    directory.mkdir()
    directory.chmod(0o711)
    yield directory
    assert list(directory.iterdir()) == []
    directory.rmdir()


def start(scratch: Path, *arguments: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "TMPDIR": str(scratch)}
    return subprocess.Popen(
        [SCRIPT, *arguments],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def processes_of(scratch: Path) -> list[str]:
    """What runs with the directory in its arguments."""
    lines = subprocess.run(["ps", "-eo", "pid,args", "-ww"], capture_output=True, text=True, check=True).stdout
    return [line for line in lines.splitlines() if str(scratch) in line]


def test_a_small_image_is_shown_and_nothing_stays(scratch: Path) -> None:
    demo = start(scratch, "--small")
    output, _ = demo.communicate(timeout=240)
    assert demo.returncode == 0, output
    assert output.splitlines()[-1].startswith("demo: shown: busybox (1 layers) READY in")
    assert processes_of(scratch) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demonstration_that_is_stopped_cleans_up(scratch: Path, number: signal.Signals) -> None:
    demo = start(scratch, "--small")
    assert demo.stdout is not None
    for line in demo.stdout:
        if "Pulling busybox" in line:
            break
    demo.send_signal(number)
    output, _ = demo.communicate(timeout=120)
    assert demo.returncode == 128 + number, output
    assert "nothing was left behind" in output
    assert processes_of(scratch) == []


@pytest.mark.root
@pytest.mark.timeout(FULL_S)
@pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap needs root")
def test_a_pull_survives_the_death_of_every_service_the_broker_and_the_database(scratch: Path) -> None:
    demo = start(scratch, "--kill")
    output, _ = demo.communicate(timeout=FULL_S)
    assert demo.returncode == 0, output
    for victim in ("puller", "rabbitmq", "converter", "mongod", "shipper", "api"):
        assert f"killed {victim} " in output
    assert "and the right bytes" in output.splitlines()[-1]
