"""The `token-exchange` command: its groups, and commands that are imported only when they run."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, override

import click
from click.shell_completion import CompletionItem

from token_exchange import __version__
from token_exchange_cli import commands
from token_exchange_cli.console import Program

_FILES: Final = frozenset({"CODEOWNERS", "FILE", "FILES", "FOLDER", "LOG", "LOGS", "NEW", "OLD", "POLICY", "TESTS"})
"""What help texts call a file or a folder; its name is completed by shells."""


class _FileName(click.types.StringParamType):
    """Any text; the command itself says what is wrong with a file."""

    @override
    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command is defined, the attribute `command` of `commands.module`, and its line in a list of commands."""

    module: str
    summary: str

    def load(self) -> click.Command:
        """Return the command itself."""
        command = import_module(f"{commands.__name__}.{self.module}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.module}.command is not a click.Command")
        for parameter in command.params:
            if (parameter.metavar or "").strip("[].…") in _FILES:
                parameter.type = _FileName()
        return command


class LazyTopLevelCommand(click.Command):
    """A lazy command outside of any group."""

    def __init__(self, name: str, lazy: LazyCommand) -> None:
        super().__init__(name, help=lazy.summary)
        self._lazy = lazy

    @override
    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        # A group invokes the command that the context is of, and so the command itself.
        return self._lazy.load().make_context(info_name, args, parent=parent, **extra)


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
        return None if found is None else found.load()

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            # click knows only commands that are loaded, and so none of these.
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=self._lazy, ctx=ctx) from error

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, found.summary) for name, found in self._lazy.items()])


def _version() -> str:
    """Return the version, and the commit if a wheel of it is installed that recorded one."""
    try:
        return f"{__version__} (commit {Path(__file__).with_name('commit.txt').read_text('ascii').strip()})"
    except OSError:
        return __version__


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="token-exchange")
def main() -> None:
    """Write, lint, test, explain and compare policies; print login steps and IAM roles; examine tokens and a service.

    `token-exchange init FOLDER` writes a first policy.

    Exit status: 0 success, 1 a negative answer, 2 wrong usage or unreadable input. `-` is standard input.
    """


main.add_command(
    LazyGroup(
        "policy",
        help="Lint, explain, test and compare policies.",
        lazy_commands={
            "lint": LazyCommand("policy_lint", "Report errors and risks in a policy."),
            "test": LazyCommand("policy_test", "Compare decisions with those that tests expect."),
            "explain": LazyCommand("policy_explain", "Explain what a policy decides about one run."),
            "who": LazyCommand("policy_who", "List who can reach a role, a repository or a registry."),
            "map": LazyCommand("policy_map", "Draw who can reach what, as one page."),
            "diff": LazyCommand("policy_diff", "Compare two policies, and replay logged exchanges."),
            "review": LazyCommand("policy_review", "Review a change: lint, test and compare, and list its reviewers."),
            "import": LazyCommand("policy_import", "Convert IAM trust policies to a policy."),
            "compile": LazyCommand("policy_compile", "Compile a large policy, for fast starts and changes."),
            "schema": LazyCommand("policy_schema", "Print the JSON Schema of policies, for editors."),
        },
    )
)


main.add_command(
    LazyGroup(
        "token",
        help="Inspect tokens.",
        lazy_commands={
            "inspect": LazyCommand("token_inspect", "Show the contents of a token, and verify it."),
        },
    )
)


main.add_command(
    LazyGroup(
        "audit",
        help="Answer questions about audit lines, with CloudTrail's files where they help.",
        lazy_commands={
            "ocsf": LazyCommand("audit_ocsf", "Print audit lines as OCSF events."),
            "report": LazyCommand("audit_report", "Write a report as one HTML file."),
            "reconcile": LazyCommand("audit_reconcile", "Compare audit lines with CloudTrail's sessions."),
            "seal": LazyCommand("audit_seal", "Write daily digests of audit lines."),
            "trace": LazyCommand("audit_trace", "Find who is behind an image, a session or a run."),
            "tighten": LazyCommand("audit_tighten", "Print a narrower policy that grants what was granted."),
            "unused": LazyCommand("audit_unused", "List the parts of a policy that no one used."),
            "verify": LazyCommand("audit_verify", "Check audit lines against their schema."),
        },
    )
)


main.add_command(
    LazyTopLevelCommand("roles", LazyCommand("roles", "Print the IAM roles that a policy needs, as CloudFormation."))
)


main.add_command(LazyTopLevelCommand("init", LazyCommand("init", "Write a first policy, its tests and a login step.")))
main.add_command(LazyTopLevelCommand("step", LazyCommand("step", "Print the login step of a CI system.")))
main.add_command(
    LazyTopLevelCommand("doctor", LazyCommand("doctor", "Examine a deployed service as a pipeline would see it."))
)
