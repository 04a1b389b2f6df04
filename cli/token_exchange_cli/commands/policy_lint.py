"""`policy lint`: report what keeps a policy from loading, and risks in one that loads."""

import re
from datetime import UTC, datetime
from typing import Final

import click

from token_exchange_cli.console import Status
from token_exchange_cli.inputs import read_policy
from token_exchange_cli.lint.finding import FORMATS, Format, summary, written
from token_exchange_cli.lint.linter import findings
from token_exchange_cli.terminal import remark, waiting

_ADDRESS: Final = re.compile(r"https://[A-Za-z0-9.:-]+(?:/[A-Za-z0-9._~/%@+-]*)?")


@click.command("lint")
@click.argument("policy_file", metavar="FILE")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("--format", "wanted", type=click.Choice(FORMATS), default="text", help="The output format.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--docs", metavar="URL", default="", help="Where docs/ can be read, for the links of --format sarif.")
@click.pass_context
def command(
    context: click.Context, *, policy_file: str, strict: bool, wanted: Format, as_json: bool, docs: str
) -> None:
    """Report errors and risks in the policy FILE.

    Each finding has a location, what could happen, and what to write instead. Errors keep the policy from loading,
    except for a placeholder that is left in it. Warnings are about policies that load, but give more or less than their
    author may expect; the comment `# lint: allow CODE: REASON` on or above a line allows one.

    Exit status: 0 no errors, 1 errors (with --strict also warnings), 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange policy lint policy.yaml
      token-exchange policy lint policy.yaml --strict --format github
      token-exchange policy lint - --json < policy.yaml
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    if docs and not _ADDRESS.fullmatch(docs):
        raise click.BadParameter("expected https://HOST/PATH, without a query or fragment", param_hint="--docs")
    given = read_policy(policy_file)
    with waiting(f"checking {given.name}"):
        found = findings(given, today=datetime.now(UTC).date())
    text = written(found, "json" if as_json else wanted, docs=docs)
    if text:
        click.echo(text)
    remark(summary(found))
    has_errors = any(one.finding.severity == "error" for one in found)
    context.exit(Status.NO if has_errors or (strict and found) else Status.FINE)
