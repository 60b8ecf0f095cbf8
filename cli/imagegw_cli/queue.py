"""`imagegw queue`: what is on its way to a cluster."""

from __future__ import annotations

import click

from imagegw_cli.address import gateway_options, platform_option
from imagegw_cli.session import choose_platform, open_gateway, print_json


@click.command("queue")
@platform_option
@gateway_options
def queue(platform: str | None, url: str, *, as_json: bool) -> None:
    """List the pulls that are under way to a cluster, and those that failed lately."""
    gateway = open_gateway(url)
    where = choose_platform(gateway, platform)
    answer = gateway.read_queue(where)
    if as_json:
        print_json(answer)
        return
    from imagegw_cli.tables import print_queue

    print_queue(where, answer["pulls"])
