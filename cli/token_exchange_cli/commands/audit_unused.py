"""`audit unused`: the parts of a policy that no one used in a period."""

import click

from token_exchange.core.ports import Json
from token_exchange_cli.audit.log import audit_log
from token_exchange_cli.audit.unused import KINDS, ReportMode, unused, unused_queries
from token_exchange_cli.console import Status
from token_exchange_cli.inputs import load_policy_argument
from token_exchange_cli.safe_text import escape_non_ascii
from token_exchange_cli.terminal import console, line, print_json, remark


@click.command("unused")
@click.argument("policy_file", metavar="POLICY")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option(
    "--trail", multiple=True, metavar="FILES", help="CloudTrail's files: also list repositories that were not used."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything is unused.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    context: click.Context,
    *,
    policy_file: str,
    logs: tuple[str, ...],
    trail: tuple[str, ...],
    exit_code: bool,
    as_json: bool,
) -> None:
    """List the parts of POLICY that no one used in the period of LOGS.

    These are grants, deny rules, registries, roles, issuers, organizations, and values of conditions. A yearly release
    is not in a month's log: compare the period. A remark says whether a grant in report mode would have been used.

    Exit status: 0 success, 1 with --exit-code if anything is unused, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange audit unused policy.yaml logs/
      token-exchange audit unused policy.yaml logs/ --trail AWSLogs/ --exit-code
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    policy = load_policy_argument(policy_file)
    report_mode = ReportMode(policy)
    with audit_log(*unused_queries(has_trail=bool(trail))) as log:
        log.load_lines(logs, seen=report_mode.seen)
        if trail:
            log.load_trail(trail)
        found = unused(policy, log, report_mode, has_trail=bool(trail))
        (period,) = log.rows("SELECT min(logged_at) AS since, max(logged_at) AS until FROM audit")
        known = {grant.name for grant in policy.grants}
        others = sorted({str(row["grant_name"]) for row in log.ask("grants")} - known)
        if as_json:
            in_report_mode: Json = {grant.name: grant.name in report_mode.would_win for grant in report_mode.grants}
            parts: dict[str, Json] = {kind: [*names] for kind, names in found.items()}
            print_json({**period, **parts, "in_report_mode": in_report_mode, "read": log.counts()})
        else:
            log.print_remarks()
            for text in report_mode.remarks():
                remark(text)
            if others:
                click.echo(
                    f"remark: grants in the log that this policy does not have: {escape_non_ascii(', '.join(others))}",
                    err=True,
                )
            output = console()
            for kind, names in found.items():
                for name in names:
                    output.print(line((KINDS[kind], "yellow"), f" {escape_non_ascii(name)}"))
            output.print(line(f"unused from {period['since']} to {period['until']}: {sum(map(len, found.values()))}"))
    context.exit(Status.NO if exit_code and any(found.values()) else Status.FINE)
