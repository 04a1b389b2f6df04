"""`policy lint`: report what keeps a policy from loading, and risks in one that loads."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from token_exchange.core.policy import Grant
from token_exchange.loading.problems import PolicyUnusable
from token_exchange_cli.console import Status
from token_exchange_cli.inputs import read_policy
from token_exchange_cli.lint.finding import FORMATS, Finding, Format, Subject, written
from token_exchange_cli.lint.linter import Sources, error, warnings
from token_exchange_cli.terminal import remark


@click.command("lint")
@click.argument("policy_file", metavar="FILE")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("--format", "wanted", type=click.Choice(FORMATS), default="text", help="The output format.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.pass_context
def command(context: click.Context, *, policy_file: str, strict: bool, wanted: Format, as_json: bool) -> None:
    """Report errors and risks in the policy FILE.

    Each finding has a location, what could happen, and what to write instead. Errors keep the policy from loading,
    except for a placeholder that is left in it. Warnings are about policies that load, but give more or less than their
    author may expect.

    Exit status: 0 no errors, 1 errors (with --strict also warnings), 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange policy lint policy.yaml
      token-exchange policy lint policy.yaml --strict --format github
      token-exchange policy lint - --json < policy.yaml
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    given = read_policy(policy_file)
    grants: Sequence[Grant] = ()
    try:
        policy = given.load()
        grants = policy.grants
        found = list(warnings(Subject(policy=policy, today=datetime.now(UTC).date())))
    except PolicyUnusable as unusable:
        found = [error(problem) for problem in unusable.problems]
    sources = Sources(given)
    found += sources.placeholders()
    located = [sources.located(one, grants) for one in found]
    located.sort(key=lambda one: (one.file, one.place.line, one.place.column))
    text = written(located, "json" if as_json else wanted)
    if text:
        click.echo(text)
    _summary(found)
    has_errors = any(one.severity == "error" for one in found)
    context.exit(Status.NO if has_errors or (strict and found) else Status.FINE)


def _summary(found: list[Finding]) -> None:
    errors = sum(one.severity == "error" for one in found)
    remark(f"{_counted(errors, 'error')}, {_counted(len(found) - errors, 'warning')}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}s" if number != 1 else f"{number} {what}"
