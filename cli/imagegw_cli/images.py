"""`imagegw images`: what can be used on a cluster."""

from __future__ import annotations

import click

from imagegw_cli.address import gateway_options, platform_option
from imagegw_cli.session import choose_platform, open_gateway, print_json


@click.command("images")
@platform_option
@gateway_options
def images(platform: str | None, url: str, *, as_json: bool) -> None:
    """List the images that you may use on a cluster."""
    gateway = open_gateway(url)
    where = choose_platform(gateway, platform)
    answer = gateway.list_images(where)
    if as_json:
        print_json(answer)
        return
    from imagegw_cli.tables import print_images

    print_images(where, answer["images"])
