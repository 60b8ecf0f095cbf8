"""`imagegw pull REF`: asks for an image, shows how it comes, and ends as the pull ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from imagegw_cli.address import gateway_options, platform_option
from imagegw_cli.exits import CommandFailed, ExitCode
from imagegw_cli.session import choose_platform, open_gateway, print_json

if TYPE_CHECKING:
    from imagegw_cli.client import Gateway

Json = dict[str, Any]


@click.command("pull")
@click.argument("reference", metavar="REF")
@platform_option
@click.option("--no-wait", is_flag=True, help="Print the pull's id and end; `imagegw show` tells how it goes.")
@gateway_options
@click.pass_context
def pull(
    context: click.Context, reference: str, platform: str | None, url: str, *, no_wait: bool, as_json: bool
) -> None:
    """Make the image REF available on a cluster, and wait until it is.

    REF is written as repository:tag or repository@digest, for example ubuntu:24.04. The pull goes on when this
    command is ended; the same command joins it again. Progress goes to standard error.

    Exits with 0 when the image is READY, 1 when the pull has FAILED, 2 for wrong usage, 3 when the gateway
    does not answer, 4 when it does not allow it.
    """
    gateway = open_gateway(url)
    where = choose_platform(gateway, platform)
    begun = gateway.start_pull(where, reference)
    if no_wait:
        print_json(begun) if as_json else click.echo(begun["id"])
        return
    ended = _wait(gateway, begun)
    if as_json:
        print_json(ended)
    if ended["status"] != "READY":
        _fail(context, ended, told=as_json)
    if not as_json:
        click.echo(f"READY  {ended['reference']} on {ended['platform']}  {ended['image_id']}")


def _wait(gateway: Gateway, begun: Json) -> Json:
    from imagegw_cli.display import choose_display
    from imagegw_cli.waiting import wait_for_end

    try:
        with choose_display(sys.stderr) as display:
            return wait_for_end(gateway, begun, display)
    except KeyboardInterrupt:
        sentence = f"The pull goes on without you: {begun['id']}"
        hint = (
            f"`imagegw show {begun['id']}` tells how it goes, and "
            f"`imagegw pull {begun['reference']} --platform {begun['platform']}` waits for it again."
        )
        raise CommandFailed(ExitCode.INTERRUPTED, sentence, hint) from None


def _fail(context: click.Context, ended: Json, *, told: bool) -> None:
    if told:
        context.exit(int(ExitCode.PULL_FAILED))
    error = ended.get("error") or {}
    name = f"{ended['reference']} on {ended['platform']}"
    sentence = f"FAILURE  {name}: {error.get('message', 'no reason was given')}  [{error.get('code', 'unknown')}]"
    again = " Trying again can help." if error.get("can_retry") else ""
    raise CommandFailed(ExitCode.PULL_FAILED, sentence, f"{error.get('hint', '')}{again}".strip())
