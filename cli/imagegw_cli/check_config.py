"""`imagegw check-config FILE`: all that is wrong with a configuration, at once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagegw.errors import ConfigurationInvalid

if TYPE_CHECKING:
    from imagegw.config import Settings


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check_config(context: click.Context, file: Path | None, *, as_json: bool) -> None:
    """Check the site's configuration FILE (default: the one that GWCONFIG names).

    Exits with 0 if it can be used, else with 1 after naming every wrong value: where it stands, what was
    expected and what was found. The environment's overrides are checked with it.
    """
    from imagegw.config import load  # the models take longer to build than a help text to print

    try:
        settings = load(file, os.environ)
    except ConfigurationInvalid as error:
        click.echo(_errors_as_json(error) if as_json else _errors_as_text(error), err=not as_json)
        context.exit(1)
    click.echo(_result_as_json(settings) if as_json else _result_as_text(settings))


def _errors_as_text(error: ConfigurationInvalid) -> str:
    lines = ["The configuration cannot be used:"]
    for problem in error.errors:
        lines += [
            f"  {problem.path}",
            f"      expected {problem.expected}",
            f"      found    {problem.found}",
        ]
    return "\n".join(lines)


def _errors_as_json(error: ConfigurationInvalid) -> str:
    errors = [asdict(problem) for problem in error.errors]
    return json.dumps({"valid": False, "errors": errors, "warnings": []}, indent=2)


def _result_as_text(settings: Settings) -> str:
    platforms = ", ".join(f"{name} ({platform.access_type})" for name, platform in settings.platforms.items())
    locations = ", ".join(name or "Docker Hub" for name in settings.locations)
    lines = [f"platforms: {platforms}", f"locations: {locations}"]
    lines += [f"warning: {sentence}" for sentence in settings.warnings]
    return "\n".join([*lines, "The configuration can be used."])


def _result_as_json(settings: Settings) -> str:
    return json.dumps({"valid": True, "errors": [], "warnings": list(settings.warnings)}, indent=2)
