"""`imagegw api`, `puller`, `converter`, `shipper`: one process of a service, as it runs on any host."""

from __future__ import annotations

import click

_NOTE = "The configuration is the file that GWCONFIG names; SIGTERM ends the service in good order."


@click.command(epilog=_NOTE)
def api() -> None:
    """Run the HTTP endpoint and the keeper."""
    from imagegw_api.__main__ import main

    main()


@click.command(epilog=_NOTE)
def puller() -> None:
    """Run a puller: resolves references and fetches images into the store."""
    from imagegw_puller.__main__ import main

    main()


@click.command(epilog=_NOTE)
def converter() -> None:
    """Run a converter: turns layers into one image file."""
    from imagegw_converter.__main__ import main

    main()


@click.command(epilog=_NOTE)
def shipper() -> None:
    """Run a shipper: brings image files to platforms."""
    from imagegw_shipper.__main__ import main

    main()
