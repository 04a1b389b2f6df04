"""Reads what a command is given: a file or standard input, whole, and of any content at all."""

import sys
from typing import BinaryIO, Final

import click

from token_exchange_cli.statuses import Unusable

STANDARD_INPUT: Final = "-"

_READ_KEY: Final = "token_exchange_cli.standard_input"


def read_input(argument: str, *, max_bytes: int) -> bytes:
    """Return the content of the file `argument`, or of standard input.

    Raises:
        Unusable: it cannot be read, or has more than `max_bytes`.
    """
    try:
        if argument == STANDARD_INPUT:
            content = _standard_input(max_bytes)
        else:
            with open(argument, "rb") as file:  # noqa: PTH123 - a name with a null byte is a ValueError here too
                content = file.read(max_bytes + 1)
    except OSError as error:
        raise Unusable(f"{shown_name(argument)}: {(error.strerror or type(error).__name__).lower()}") from error
    except ValueError as error:
        raise Unusable(f"{shown_name(argument)}: not the name of a file") from error
    if len(content) > max_bytes:
        raise Unusable(f"{shown_name(argument)}: more than {max_bytes} bytes")
    return content


def standard_input() -> BinaryIO:
    """Return standard input, which one argument of a command can have.

    Raises:
        click.UsageError: another has it.
        Unusable: it is closed.
    """
    context = click.get_current_context().find_root()
    if context.meta.get(_READ_KEY):
        raise click.UsageError("standard input (-) can be read for one argument alone")
    context.meta[_READ_KEY] = True
    if sys.stdin is None:
        raise Unusable("cannot read standard input: it is closed")
    if sys.stdin.isatty():
        click.echo("remark: reading standard input; Ctrl-D ends it", err=True)
    return sys.stdin.buffer


def shown_name(argument: str) -> str:
    """Return how messages speak of the file `argument`: on one line, in characters that a terminal shows."""
    if argument == STANDARD_INPUT:
        return "standard input"
    return argument if argument.isprintable() else ascii(argument)


def _standard_input(max_bytes: int) -> bytes:
    return standard_input().read(max_bytes + 1)
