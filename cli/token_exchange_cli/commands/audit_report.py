"""`audit report`: one HTML file about a log."""

import click

from token_exchange_cli.audit.log import audit_log
from token_exchange_cli.audit.report.contents import report, report_queries, tables
from token_exchange_cli.inputs import input_name, load_policy_argument
from token_exchange_cli.terminal import STANDARD_OUTPUT, json_text, write_output


@click.command("report")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option(
    "--policy", "policy_file", metavar="FILE", help="Show grants and deny rules of this policy that no one used."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default=STANDARD_OUTPUT,
    help="Where to write the report.  [default: standard output]",
)
@click.option("--json", "as_json", is_flag=True, help="Write the tables as one JSON document instead.")
def command(*, logs: tuple[str, ...], policy_file: str | None, output: str, as_json: bool) -> None:
    """Write a report about audit lines: one HTML file that needs no network.

    It shows exchanges over time, refusals, the busiest repositories, times, cold starts, throttles, failed logins, and
    each grant with its users.

    Exit status: 0 success, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange audit report logs/ -o report.html
      token-exchange audit report logs/ --policy policy.yaml -o report.html
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    policy = None if policy_file is None else load_policy_argument(policy_file)
    with audit_log(*report_queries()) as log:
        log.load_lines(logs)
        text = json_text(tables(log, policy)) if as_json else report(log, policy)
        log.print_remarks()
        exchanges = log.read.audit_lines
    write_output(output, text)
    if output != STANDARD_OUTPUT:
        click.echo(f"{input_name(output)}: {exchanges:,} audit lines", err=as_json)
