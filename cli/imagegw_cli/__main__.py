"""Entry point of the `imagegw` command."""

from __future__ import annotations

import click

from imagegw_cli.commands import LazyGroup


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="imagegw")
def main() -> None:
    """Make container images available on a site's clusters."""


if __name__ == "__main__":
    main()
