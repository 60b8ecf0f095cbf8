"""What each command begins with: the gateway to ask, and the platform that is meant."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagegw_cli.address import read_token
from imagegw_cli.exits import CommandFailed, ExitCode

if TYPE_CHECKING:
    from imagegw_cli.client import Gateway


def open_gateway(url: str) -> Gateway:
    """The gateway at *url*, asked with the caller's token."""
    from imagegw_cli.client import Gateway  # brings requests, which costs a help text more than all else

    return Gateway(url, read_token(os.environ, Path.home()))


def choose_platform(gateway: Gateway, named: str | None) -> str:
    """The platform that was named, or the only one.

    Raises:
        CommandFailed: none was named, and there are several.
    """
    if named is not None:
        return named
    names = [str(each["name"]) for each in gateway.list_platforms()["platforms"]]
    if len(names) == 1:
        return names[0]
    sentence = f"the gateway serves {len(names)} platforms: {', '.join(names)}"
    raise CommandFailed(ExitCode.USAGE, sentence, "Say which one: --platform NAME (or IMAGEGW_PLATFORM).")


def print_json(content: Any) -> None:
    """Print what the gateway answered, for programs."""
    click.echo(json.dumps(content, indent=2))
