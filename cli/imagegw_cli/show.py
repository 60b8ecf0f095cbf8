"""`imagegw show PULL`: what happened to a pull, when and where, and what helps."""

from __future__ import annotations

import click

from imagegw_cli.address import gateway_options
from imagegw_cli.session import open_gateway, print_json


@click.command("show")
@click.argument("pull_id", metavar="PULL")
@gateway_options
def show(pull_id: str, url: str, *, as_json: bool) -> None:
    """Explain one of your pulls from its history. `imagegw queue` lists the ids."""
    found = open_gateway(url).read_pull(pull_id)
    if as_json:
        print_json(found)
        return
    from imagegw_cli.tables import print_pull

    print_pull(found)
