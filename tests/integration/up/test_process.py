"""Child processes: tied to their starter, adopted, ended in time, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagegw_cli.up.account import Account
from imagegw_cli.up.process import Process, Program
from imagegw_cli.up.supervisor import Watched, end_together
from tests.servers.waiting import eventually

pytestmark = pytest.mark.integration

NOBODY = Account(name="nobody", uid=65534, gid=65534)

STARTS_A_SLEEPER = """
import sys
from pathlib import Path
from imagegw_cli.up.account import Account
from imagegw_cli.up.process import Process, Program
account = Account(name="nobody", uid=65534, gid=65534) if sys.argv[2] == "nobody" else None
process = Process(
    Program(name="sleeper", argv=("/bin/sleep", "600"), environ={}, log=Path(sys.argv[1]), account=account)
)
process.start()
print(process.pid, flush=True)
sys.stdin.read()
"""

ADOPTS_A_DAEMON = """
import subprocess
from imagegw_cli.up import adoption
adoption.adopt_orphans()
done = subprocess.run(
    ["/bin/sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!"], capture_output=True, text=True, check=True
)
print(done.stdout.strip(), flush=True)
adoption.end_all()
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def sleeper(log: Path, *, ignoring: str = "", stop_within_s: float = 30.0) -> Process:
    script = f"trap '' {ignoring}; echo ready; while :; do sleep 0.1; done" if ignoring else "exec sleep 600"
    argv = ("/bin/sh", "-c", script)
    environ = {"PATH": os.defpath}
    return Process(Program(name="sleeper", argv=argv, environ=environ, log=log, stop_within_s=stop_within_s))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def started(log: Path) -> Iterator[Process]:
    process = sleeper(log)
    process.start()
    yield process
    process.kill()


@pytest.mark.parametrize(
    "user",
    [
        "same",
        pytest.param(
            "nobody", marks=[pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
        ),
    ],
)
def test_a_program_dies_with_the_process_that_started_it(log: Path, user: str) -> None:
    argv = [sys.executable, "-c", STARTS_A_SLEEPER, str(log), user]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        eventually(lambda: Path(f"/proc/{pid}/cmdline").read_bytes() == b"/bin/sleep\x00600\x00")
        starter.kill()
    eventually(lambda: not is_running(pid))


def test_a_daemon_is_adopted_and_ended() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ADOPTS_A_DAEMON], capture_output=True, text=True, timeout=60, check=True
    )
    assert not is_running(int(done.stdout))


def test_who_does_not_heed_the_request_is_ended(log: Path) -> None:
    stubborn = sleeper(log, ignoring="TERM", stop_within_s=0.2)
    stubborn.start()
    eventually(lambda: "ready" in log.read_text())
    end_together([stubborn])
    assert stubborn.exit_code == -signal.SIGKILL


def test_who_heeds_the_request_ends_by_it(started: Process) -> None:
    eventually(lambda: Path(f"/proc/{started.pid}/cmdline").read_bytes() == b"sleep\x00600\x00")
    end_together([started])
    assert started.exit_code == -signal.SIGTERM


def test_what_ended_waits_before_it_starts_again(started: Process) -> None:
    told: list[str] = []
    watched = Watched(started, started_at=0.0)
    started.kill()
    first = started.pid

    watched.look(1.0, told.append)
    watched.look(1.4, told.append)
    assert started.pid == first

    watched.look(1.5, told.append)
    assert started.is_running
    assert started.pid != first
    assert [line.split(";")[0] for line in told] == [
        "sleeper ended with -9",
        f"sleeper started again (pid {started.pid})",
    ]


def test_what_ends_again_and_again_waits_longer(started: Process) -> None:
    told: list[str] = []
    watched = Watched(started, started_at=0.0)
    for turn in (1.0, 2.0, 4.0):
        started.kill()
        watched.look(turn, told.append)
        watched.look(turn + 100.0 if turn == 4.0 else turn + 1.0, told.append)
    assert [line.split("; ")[1] for line in told if "ended" in line] == [
        "again in 0.5 s",
        "again in 1 s",
        "again in 2 s",
    ]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_program_under_a_directory_that_its_user_may_not_enter_still_runs(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    program = hidden / "sleep"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    argv = (str(program), "600")
    process = Process(Program(name="hidden", argv=argv, environ={}, log=tmp_path / "log", account=NOBODY))
    process.start()
    try:
        cmdline = Path(f"/proc/{process.pid}/cmdline")
        eventually(lambda: cmdline.read_bytes() == f"{program}\x00600\x00".encode())
        assert Path(f"/proc/{process.pid}").stat().st_uid == NOBODY.uid
    finally:
        process.kill()
