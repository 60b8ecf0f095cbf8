"""Entry point of the `imagegw` command."""

import click

from imagegw_cli.convert import convert


@click.group()
def main() -> None:
    """The image gateway's command line."""


main.add_command(convert)

if __name__ == "__main__":
    main()
