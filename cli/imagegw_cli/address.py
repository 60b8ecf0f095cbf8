"""Where the gateway is and whom a command acts for: options, environment, and the token's file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from imagegw_cli.exits import CommandFailed, ExitCode

DEFAULT_URL = "http://127.0.0.1:5000"
TOKEN = "IMAGEGW_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE = "IMAGEGW_TOKEN_FILE"  # noqa: S105 - likewise
_HINT = (
    f"Put it into {TOKEN}, or into ~/.config/imagegw/token with mode 0600 ({TOKEN_FILE} names another file); "
    "the site's operators hand tokens out."
)


def gateway_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `--url` and `--json`, as the arguments ``url`` and ``as_json``."""
    url = click.option(
        "--url",
        envvar="IMAGEGW_URL",
        default=DEFAULT_URL,
        show_default=True,
        show_envvar=True,
        help="The gateway's address.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print the gateway's own JSON.")
    return url(as_json(command))


platform_option = click.option(
    "--platform",
    "-p",
    envvar="IMAGEGW_PLATFORM",
    show_envvar=True,
    help="The cluster.  [default: the only one that the gateway serves]",
)


def read_token(environ: Mapping[str, str], home: Path) -> str:
    """The caller's token; never from an argument, which every user of the machine could read.

    Raises:
        CommandFailed: there is none, or others can read its file.
    """
    token = environ.get(TOKEN, "").strip()
    if token:
        return token
    named = environ.get(TOKEN_FILE, "")
    file = Path(named) if named else home / ".config" / "imagegw" / "token"
    token = _read_private(file)
    if not token:
        raise CommandFailed(ExitCode.NOT_ALLOWED, f"{file} is empty, expected a token", _HINT)
    return token


def _read_private(file: Path) -> str:
    try:
        with file.open(encoding="ascii") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                sentence = f"{file} has mode {mode:04o}, so others may read your token"
                raise CommandFailed(ExitCode.NOT_ALLOWED, sentence, f"Close it: chmod 600 {file}")
            return stream.readline().strip()
    except FileNotFoundError as error:
        raise CommandFailed(ExitCode.NOT_ALLOWED, f"no token: {file} does not exist", _HINT) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(ExitCode.NOT_ALLOWED, f"{file} cannot be read: {error}", _HINT) from error
