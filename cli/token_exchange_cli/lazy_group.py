"""Groups whose commands are imported when they are used: `--help` waits for no cryptography and no YAML."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import override

import click

from token_exchange_cli import commands


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command is: the attribute `command` of `module` in `commands`; and what a list says of it."""

    module: str
    summary: str


class LazyGroup(click.Group):
    """A group of lazy commands, listed in the order given."""

    def __init__(self, name: str, *, help: str, lazy_commands: Mapping[str, LazyCommand]) -> None:  # noqa: A002 - click's own name for it
        super().__init__(name, help=help)
        self._lazy = dict(lazy_commands)

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = self._lazy.get(cmd_name)
        if found is None:
            return None
        command = import_module(f"{commands.__name__}.{found.module}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"{found.module}.command is no command")
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, found.summary) for name, found in self._lazy.items()])
