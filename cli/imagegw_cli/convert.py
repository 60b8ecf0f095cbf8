"""`imagegw convert`: one image file on one machine, without broker or database."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from pydantic import ValidationError

from imagegw.domain.conversion import (
    MIB,
    Compressor,
    ConversionOptions,
    ConversionRecord,
    Policy,
    WriterChoice,
)
from imagegw.domain.progress import ReportProgress, ignore_progress
from imagegw.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEFAULTS = ConversionOptions()
_POLICY_HELP = {
    "ownership": "root: everything belongs to root; keep: the ids of the layers.",
    "modes": "readable: a+rX, and directories u+w; keep: as the layers say.",
    "restricted_files": "Files that their image closes to others, as /etc/shadow: opened too, or kept closed.",
    "setuid": "setuid and setgid bits; they mean nothing under nosuid.",
    "xattrs": "Extended attributes, security.capability among them.",
    "devices": "Device nodes; the runtime mounts the host's /dev.",
    "dev_content": "What is below /dev.",
}


def _choices(kind: Any) -> click.Choice[str]:
    return click.Choice(get_args(kind))


def _policy_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each setting of the policy, with its words and default."""
    for name, field in reversed(Policy.model_fields.items()):
        option = click.option(
            f"--{name.replace('_', '-')}",
            type=_choices(field.annotation),
            default=field.default,
            show_default=True,
            help=_POLICY_HELP[name],
        )
        command = option(command)
    return command


@click.command()
@click.argument("source")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the record of the conversion as JSON.")
@click.option(
    "--compressor", type=_choices(Compressor), default=_DEFAULTS.compressor, show_default=True,
    help="gzip for kernels before 4.14.",
)  # fmt: skip
@click.option("--level", type=int, help="Of the compressor.  [default: 3 for zstd, 1 for gzip]")
@click.option("--block-bytes", type=int, default=_DEFAULTS.block_bytes, show_default=True)
@click.option("--writer", type=_choices(WriterChoice), default=_DEFAULTS.writer, show_default=True)
@click.option("--processors", type=int, default=_DEFAULTS.processors, show_default=True)
@click.option("--memory-mib", type=int, default=_DEFAULTS.memory_bytes // MIB, show_default=True)
@_policy_options
def convert(source: str, output: Path, *, as_json: bool, memory_mib: int, **chosen: Any) -> None:
    """Make the image file FILE of SOURCE, which is oci:DIR[:TAG] or docker-archive:FILE."""
    from imagegw_cli.image_sources import open_source
    from imagegw_converter.conversion import convert as run

    try:
        image = open_source(source)
        with _progress(shown=not as_json) as progress:
            record = run(image, _options(memory_mib * MIB, chosen), output.absolute(), progress)
    except GatewayError as error:
        message = f"{error.sentence}\n{error.hint}"
        raise click.ClickException(message) from error
    click.echo(record.model_dump_json(indent=2) if as_json else _summary(output, record))


def _options(memory_bytes: int, chosen: dict[str, Any]) -> ConversionOptions:
    policy = {name: chosen.pop(name) for name in Policy.model_fields}
    try:
        return ConversionOptions(memory_bytes=memory_bytes, policy=Policy(**policy), **chosen)
    except ValidationError as error:
        raise click.UsageError(error.errors(include_url=False)[0]["msg"]) from error


def _summary(output: Path, record: ConversionRecord) -> str:
    counts = record.counts
    return (
        f"{output}: {record.size_bytes} bytes, {record.digest}, {counts.inodes} inodes and {counts.hard_links} "
        f"hard links by {record.tool} {record.tool_version} in {record.duration_s:.1f} s"
    )


@contextmanager
def _progress(*, shown: bool) -> Iterator[ReportProgress]:
    """Show a bar on standard error if somebody looks at it."""
    if not (shown and sys.stderr.isatty()):
        yield ignore_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress("layers", BarColumn(), DownloadColumn(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("layers", total=None)

        def report(done_bytes: int, total_bytes: int | None) -> None:
            bar.update(task, completed=done_bytes, total=total_bytes)

        yield report
