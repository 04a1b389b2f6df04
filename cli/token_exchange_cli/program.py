"""The program itself: whatever happens in it, a person gets a message and a status, and never a traceback."""

import traceback
from typing import override

import click

from token_exchange_cli.standard_streams import guard_standard_streams
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
    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        # Before anything is printed, by --help or an error of use.
        guard_standard_streams()
        return super().make_context(info_name, args, parent=parent, **extra)

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            name = error.command_name
            for group in self.commands.values():
                if isinstance(group, click.Group) and name in group.list_commands(ctx):
                    message = f"No such command {name!r}. Did you mean '{group.name} {name}'?"
                    raise click.exceptions.NoSuchCommand(name, message, ctx=ctx) from error
            raise

    @override
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # the last line: what nobody foresaw is a message, too
            raise Unforeseen(error) from error
