"""The program itself: whatever happens in it, a person gets a message and a status, and never a traceback."""

import traceback
from typing import override

import click

from token_exchange_cli.statuses import Status


class Unforeseen(click.ClickException):
    """A fault of the program's own, told by its place, so that it can be reported."""

    exit_code = Status.UNUSABLE

    def __init__(self, cause: Exception) -> None:
        innermost = traceback.extract_tb(cause.__traceback__)[-1]
        place = f"{type(cause).__name__} in {innermost.name}, line {innermost.lineno}"
        super().__init__(f"something failed that nobody foresaw ({place}); please report it")


class Program(click.Group):
    """The outermost group."""

    @override
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # the last line: what nobody foresaw is a message, too
            raise Unforeseen(error) from error
