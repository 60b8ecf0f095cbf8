"""The commands of `imagegw`, each imported when it is called and not before.

`imagegw lookup` stands in job prologues, so what another command needs must cost it nothing; the list of
commands is shown from this table alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import click


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A command: where it is, and its line in the list."""

    target: str
    """`module:attribute` of a ``click.Command``."""
    short_help: str


COMMANDS: Mapping[str, Entry] = {
    "check-config": Entry(
        target="imagegw_cli.check_config:check_config",
        short_help="Check a configuration file; name every error at once.",
    ),
    "convert": Entry(
        target="imagegw_cli.convert:convert",
        short_help="Make one image file, without broker or database.",
    ),
    "api": Entry(target="imagegw_cli.services:api", short_help="Run the HTTP endpoint and the keeper."),
    "puller": Entry(target="imagegw_cli.services:puller", short_help="Run a puller."),
    "converter": Entry(target="imagegw_cli.services:converter", short_help="Run a converter."),
    "shipper": Entry(target="imagegw_cli.services:shipper", short_help="Run a shipper."),
    "up": Entry(
        target="imagegw_cli.up.command:up",
        short_help="Run everything on this machine.",
    ),
    "images": Entry(
        target="imagegw_cli.images:images",
        short_help="List the images that can be used on a cluster.",
    ),
    "lookup": Entry(
        target="imagegw_cli.lookup:lookup",
        short_help="Print the id of a READY image.",
    ),
    "pull": Entry(
        target="imagegw_cli.pull:pull",
        short_help="Make an image available on a cluster, and wait for it.",
    ),
    "queue": Entry(
        target="imagegw_cli.queue:queue",
        short_help="List what is on its way to a cluster.",
    ),
    "show": Entry(
        target="imagegw_cli.show:show",
        short_help="Explain a pull from its history.",
    ),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and short helps from a table."""

    def __init__(self, *args: object, entries: Mapping[str, Entry] = COMMANDS, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type] # click's own arguments, passed on as they are
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.entries:
            return None
        module, _, attribute = self.entries[cmd_name].target.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            found = type(command).__name__
            raise TypeError(f"{self.entries[cmd_name].target} is a {found}, not a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:  # click would look for near names among imported commands only
            raise click.NoSuchCommand(error.command_name, possibilities=self.entries, ctx=ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.entries[name].short_help) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
