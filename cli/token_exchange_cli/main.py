"""The program `token-exchange` and its groups of commands."""

import click

from token_exchange import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="token-exchange")
def main() -> None:
    """Look at policies and tokens as the service does, before and after it does."""


@main.group()
def policy() -> None:
    """Check, explain, test and compare policies."""


@main.group()
def token() -> None:
    """Look at tokens."""
