"""Entry point of the `imagegw` command."""

import click


@click.group()
def main() -> None:
    """The image gateway's command line."""


if __name__ == "__main__":
    main()
