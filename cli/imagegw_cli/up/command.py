"""`imagegw up`: the whole gateway on this machine, until Ctrl-C."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from imagegw.errors import GatewayError


@click.command("up")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="GWCONFIG",
    required=True,
    help="The site's configuration file (default: the one that GWCONFIG names).",
)
@click.option(
    "--data",
    "data_directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where servers keep their data and all write their logs"
    " (default: /var/lib/imagegw for root, else ~/.local/share/imagegw).",
)
@click.pass_context
def up(context: click.Context, config_file: Path, data_directory: Path | None) -> None:
    """Run everything on this machine, until Ctrl-C or SIGTERM.

    Starts a private MongoDB and RabbitMQ, unless the configuration names others, and the four services;
    starts again what dies; leaves no process behind. The data stay, and serve the next start.
    """
    from imagegw_cli.up.machine import run

    directory = _default_directory() if data_directory is None else data_directory
    try:
        run(config_file.absolute(), directory.absolute(), os.environ, tell=_say)
    except GatewayError as error:
        click.echo(f"{error.sentence}\n{error.hint}", err=True)
        context.exit(1)


def _say(line: str) -> None:
    with suppress(OSError):  # the terminal may be gone; what was started must still end in order
        click.echo(line)


def _default_directory() -> Path:
    return Path("/var/lib/imagegw") if os.geteuid() == 0 else Path.home() / ".local/share/imagegw"
