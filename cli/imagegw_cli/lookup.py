"""`imagegw lookup REF`: the image's name on the cluster, for job prologues."""

from __future__ import annotations

import click

from imagegw_cli.address import gateway_options, platform_option
from imagegw_cli.session import choose_platform, open_gateway, print_json


@click.command("lookup")
@click.argument("reference", metavar="REF")
@platform_option
@gateway_options
def lookup(reference: str, platform: str | None, url: str, *, as_json: bool) -> None:
    """Print the id of the READY image that REF stands for on a cluster.

    Counts as a use: the image's expiry is pushed out. Exits with 5 if there is no such image, or none that
    you may use.
    """
    gateway = open_gateway(url)
    record = gateway.look_up(choose_platform(gateway, platform), reference)
    if as_json:
        print_json(record)
    else:
        click.echo(record["id"])
