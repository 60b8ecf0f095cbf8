"""The order of the demonstration, and its end: everything that it started and wrote is taken away."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import click

from demonstration import images, measuring, proving
from demonstration.images import DemoImage
from demonstration.killing import Killer
from demonstration.programs import demand, output_of
from demonstration.telling import DemoFailed, begin, show_tail, tell, tell_rows
from demonstration.workplace import PLATFORM, Workplace, push, workplace
from imagegw_cli.exits import CommandFailed

Json = dict[str, Any]
CACHE = Path(__file__).parents[2] / ".cache" / "demo"
IDLE_PULLS = 5
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--image", envvar="IMAGE", help="Pull this reference from the network instead.  [env: IMAGE]")
@click.option("--kill", is_flag=True, help="Kill each service, the broker and mongod once during the pull.")
@click.option("--small", is_flag=True, help="Only the busybox image, as for an ordinary user.")
def main(image: str | None, *, kill: bool, small: bool) -> None:
    """Show a real image going through the whole pipeline, and prove the result.

    As root with debootstrap it makes an image of seven layers; an ordinary user gets the busybox image alone.
    """
    for number in _STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        demand(["docker-registry", "skopeo", "umoci", "unsquashfs", "tar2sqfs"])
        with tempfile.TemporaryDirectory(prefix="imagegw-demo-") as directory:
            shown = _show(Path(directory), image or None, kill=kill, small=small)
    except (DemoFailed, CommandFailed) as error:
        click.echo(f"\ndemo: FAILED: {error}", err=True)
        sys.exit(1)
    except Stopped as stop:
        click.echo("\ndemo: stopped; nothing was left behind", err=True)
        sys.exit(128 + stop.number)
    click.echo(f"\ndemo: shown: {shown}")


class Stopped(BaseException):
    """A signal asks for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, _frame: FrameType | None) -> None:
    for each in _STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # a second one would cut the cleaning up short
    raise Stopped(number)


def _show(directory: Path, reference: str | None, *, kill: bool, small: bool) -> str:
    made = [] if reference is not None else _make_images(small=small)
    begin("Starting a registry and `imagegw up`")
    with workplace(directory, host=None if reference is None else _host(reference)) as place, _logs_shown(place):
        tell(f"gateway {place.url}, registry {place.registry}, all of it in {directory}")
        if reference is not None:
            return _show_reference(place, reference)
        shown = [_show_made(place, image, kill=kill and image is made[-1]) for image in made]
        return "; ".join(shown)


def _make_images(*, small: bool) -> list[DemoImage]:
    begin("Making images of Debian's packages")
    made = [images.busybox(CACHE)]
    if small:
        return made
    if images.is_root():
        return [*made, images.debian(CACHE)]
    tell("left out: the image of seven layers, since debootstrap needs root")
    return made


def _host(reference: str) -> str:
    """The registry that a reference names; the empty name is Docker Hub."""
    first, slash, _ = reference.partition("/")
    return first if slash and ("." in first or ":" in first) else ""


def _show_made(place: Workplace, image: DemoImage, *, kill: bool) -> str:
    begin(f"Pulling {image.name} through the gateway{', killing as it goes' if kill else ''}")
    reference = push(place, image.source, f"demo/{image.name}:{images.TAG}")
    pull = _pull(place, reference, kill=kill)
    squashfs = place.image_dir / f"{pull['image_id']}.squashfs"
    begin(f"Proving that {squashfs.name[:12]}….squashfs is {image.name}")
    proving.describe(squashfs)
    proving.check_files(squashfs, image.files)
    how = proving.run_program(squashfs, image, place.directory)
    layers = len(json.loads(output_of("skopeo", "inspect", "--raw", image.source))["layers"])
    what = f"{image.name} ({layers} layers) READY in {measuring.duration_s(pull):.1f} s and run {how}"
    if kill:
        _compare(place, image, squashfs)
        return f"{what}, with every service, the broker and mongod killed on the way, and the right bytes"
    return f"{what}, again in {_show_idle_cost(place, reference):.0f} ms"


def _show_reference(place: Workplace, reference: str) -> str:
    begin(f"Pulling {reference} from the network")
    pull = _pull(place, reference, kill=False)
    squashfs = place.image_dir / f"{pull['image_id']}.squashfs"
    begin(f"Looking into {squashfs.name[:12]}….squashfs")
    proving.describe(squashfs)
    how = "not run, as it has no /bin/sh"
    if proving.holds(squashfs, "bin/sh") or proving.holds(squashfs, "usr/bin/sh"):
        said, how = proving.run_in(squashfs, ("/bin/sh", "-c", "echo a shell of the image runs"), place.directory)
        tell(f"{how}: {said.strip()}")
    idle_ms = _show_idle_cost(place, reference)
    return f"{reference} READY in {measuring.duration_s(pull):.1f} s, {how}, again in {idle_ms:.0f} ms"


def _pull(place: Workplace, reference: str, *, kill: bool) -> Json:
    """Pull by the `imagegw` command, which shows its progress; then what that cost."""
    command = [sys.executable, "-m", "imagegw_cli", "pull", reference, "--platform", PLATFORM, "--json"]
    tell(f"imagegw {' '.join(command[3:])}")
    killer = Killer(place) if kill else None
    with measuring.MemoryWatch(_pid(place)) as memory, killer or nullcontext():
        done = subprocess.run(command, stdout=subprocess.PIPE, env=place.environ, check=False)
    if done.returncode != 0:
        raise DemoFailed(f"`imagegw pull` ended with {done.returncode}: {done.stdout.decode()[:2000]}")
    if killer is not None:
        killer.check()
    pull: Json = json.loads(done.stdout)
    tell("steps of the pull, from its history:")
    steps = [*measuring.step_times(pull), ("READY", measuring.duration_s(pull))]
    tell_rows((f"  {name}", f"{seconds:.3f} s") for name, seconds in steps)
    tell("peak resident memory (VmHWM) of the largest process of each kind:")
    tell_rows((f"  {name}", f"{kib / 1024:.0f} MiB") for name, kib in sorted(memory.peaks_kib.items()))
    return pull


def _pid(place: Workplace) -> int:
    if place.up.pid is None:
        raise DemoFailed("`imagegw up` does not run")
    return place.up.pid


def _compare(place: Workplace, image: DemoImage, squashfs: Path) -> None:
    """Return if a conversion without gateway, broker and database yields the same bytes."""
    alone = place.directory / "alone.squashfs"
    output_of(sys.executable, "-m", "imagegw_cli", "convert", image.source, "-o", alone)
    delivered, converted = proving.sha256_of(squashfs), proving.sha256_of(alone)
    if delivered != converted:
        raise DemoFailed(f"{squashfs.name} has sha256 {delivered}; `imagegw convert` yields {converted}")
    tell(f"sha256 {delivered[:16]}…: the same as `imagegw convert {image.source.partition(':')[0]}:…` yields alone")


def _show_idle_cost(place: Workplace, reference: str) -> float:
    """Milliseconds of a pull whose image is there already: the median of a few, by the records."""
    recorded, waited = zip(*(_pull_again(place, reference) for _ in range(IDLE_PULLS)), strict=True)
    cost_ms: float = statistics.median(recorded) * 1000
    tell(
        f"idle cost, median of {IDLE_PULLS} pulls of what is there: {cost_ms:.0f} ms through all hops;"
        f" {statistics.median(waited) * 1000:.0f} ms until a client that waits has heard of it"
    )
    return cost_ms


def _pull_again(place: Workplace, reference: str) -> tuple[float, float]:
    gateway = place.gateway
    began = time.monotonic()
    pull = gateway.start_pull(PLATFORM, reference)
    while pull["ended"] is None:
        pull = gateway.read_pull(pull["id"], wait_s=10, since=pull["rev"])
    if pull["status"] != "READY":
        raise DemoFailed(f"the second pull ended as {pull['status']}: {pull['error']}")
    return measuring.duration_s(pull), time.monotonic() - began


@contextmanager
def _logs_shown(place: Workplace) -> Iterator[None]:
    """Show the ends of all logs if what happens inside fails."""
    try:
        yield
    except (DemoFailed, CommandFailed):
        for log in [place.directory / "up.log", *sorted(place.logs.glob("*.log"))]:
            show_tail(log)
        raise


if __name__ == "__main__":
    main()
