"""`audit reconcile`: compare audit lines with CloudTrail's record of the same sessions."""

from datetime import datetime, timedelta
from typing import Final

import click

from token_exchange.core.ports import Json
from token_exchange_cli.audit.engine import query
from token_exchange_cli.audit.log import AuditLog, Row, audit_log
from token_exchange_cli.console import Status, Unusable
from token_exchange_cli.safe_text import escape_non_ascii
from token_exchange_cli.terminal import console, line, print_json

_SLACK: Final = timedelta(seconds=30)
"""A line is written at the end of its request, later than the event; a request takes less time than this."""

_LINES: Final = "lines_without_event"
_EVENTS: Final = "events_without_line"
_FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]


@click.command("reconcile")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option(
    "--trail",
    "trail",
    multiple=True,
    required=True,
    metavar="FILES",
    help="CloudTrail's files or folders; can be repeated.",
)
@click.option(
    "--broker-role", metavar="ARN", help="The service's own role; otherwise, the role that made the lines' sessions."
)
@click.option("--since", type=click.DateTime(_FORMATS), help="Compare from this time on, in UTC.")
@click.option("--until", type=click.DateTime(_FORMATS), help="Compare up to this time, in UTC.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    context: click.Context,
    *,
    logs: tuple[str, ...],
    trail: tuple[str, ...],
    broker_role: str | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """List sessions of the service's role without an audit line, and lines without a session.

    A session without a line means that the line was lost, or that something else used the role. Without --since and
    --until, the period that both sides cover is compared.

    Exit status: 0 nothing is missing, 1 something is missing, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange audit reconcile logs/ --trail AWSLogs/
      token-exchange audit reconcile logs/ --trail AWSLogs/ --since 2026-10-01 --until 2026-11-01
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    with audit_log(query(_EVENTS), query(_LINES)) as log:
        log.load_lines(logs)
        log.load_trail(trail)
        first, last = _period(log, since, until)
        period: dict[str, Json] = {"since": first.isoformat(), "until": last.isoformat()}
        events = log.ask(_EVENTS, broker_role_arn=broker_role, **period)
        lines = log.ask(_LINES, **period)
        (compared,) = log.rows(_COMPARED, {"broker_role_arn": broker_role, **period})
        if as_json:
            print_json({**period, **compared, _EVENTS: [*events], _LINES: [*lines], "read": log.counts()})
        else:
            _print(log, period, compared, events, lines)
    context.exit(Status.NO if events or lines else Status.FINE)


def _period(log: AuditLog, since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    (found,) = log.connection.execute(
        "SELECT (SELECT min(logged_at) FROM audit), (SELECT max(logged_at) FROM audit), "
        "(SELECT min(event_time) FROM trail), (SELECT max(event_time) FROM trail)"
    ).fetchall()
    first_line, last_line, first_event, last_event = found
    if None in found:
        raise Unusable("no line or no event has a readable time; nothing can be compared")
    first = since or max(first_line, first_event)
    last = until or min(last_line, last_event + _SLACK)
    if first >= last:
        raise Unusable(
            f"the lines ({first_line:%Y-%m-%d} to {last_line:%Y-%m-%d}) and the events ({first_event:%Y-%m-%d} to "
            f"{last_event:%Y-%m-%d}) have no period in common; give files of the same days"
        )
    return first, last


_COMPARED: Final = """
WITH brokers AS (
  SELECT trail.caller_role_arn AS role_arn
  FROM trail
  JOIN logins ON logins.sts_request_id = trail.aws_request_id
  UNION SELECT CAST($broker_role_arn AS VARCHAR)
), compared AS (
  SELECT coalesce(logged_at BETWEEN CAST($since AS TIMESTAMP) AND CAST($until AS TIMESTAMP), FALSE) AS is_within
  FROM logins
  WHERE access_key_id IS NOT NULL
), made AS (
  SELECT DISTINCT aws_request_id, error_code IS NOT NULL AS is_refused,
    -- Of a session that a caller's own token opened, only its line says that it is the broker's.
    EXISTS (SELECT 1 FROM brokers WHERE role_arn = caller_role_arn AND event_name = 'AssumeRole')
      OR EXISTS (SELECT 1 FROM logins WHERE sts_request_id = aws_request_id) AS is_brokers,
    coalesce(event_time BETWEEN CAST($since AS TIMESTAMP) AND CAST($until AS TIMESTAMP), FALSE) AS is_within
  FROM trail
  WHERE event_source = 'sts.amazonaws.com' AND event_name IN ('AssumeRole', 'AssumeRoleWithWebIdentity')
)
SELECT (SELECT count(*) FROM compared WHERE is_within) AS logins,
  (SELECT count(*) FROM compared WHERE NOT is_within) AS logins_outside,
  (SELECT count(*) FROM made WHERE is_brokers AND NOT is_refused AND is_within) AS sessions,
  (SELECT count(*) FROM made WHERE is_brokers AND NOT is_refused AND NOT is_within) AS sessions_outside,
  (SELECT count(*) FROM made WHERE NOT is_brokers AND NOT is_refused) AS sessions_of_others,
  (SELECT count(*) FROM made WHERE is_refused) AS refused_by_sts
"""


def _print(
    log: AuditLog, period: dict[str, Json], compared: dict[str, Json], events: list[Row], lines: list[Row]
) -> None:
    log.print_remarks()
    output = console()
    for one in events:
        output.print(line(("no line", "red"), f" {one['event_time']} {escape_non_ascii(str(one['role_arn']))}"))
        output.print(line(f"session {_text(one['session_name'])}, key {_text(one['made_key_id'])}", indent=2))
        output.print(line(f"by {_text(one['caller_arn'])} from {_text(one['caller_ip'])}", indent=2))
        output.print(line(f"STS request {_text(one['aws_request_id'])}", indent=2))
    for one in lines:
        output.print(line(("no event", "red"), f" {one['logged_at']} request {_text(one['request_id'])}"))
        output.print(line(f"session {_text(one['session_name'])}, key {_text(one['access_key_id'])}", indent=2))
        output.print(line(f"{_text(one['issuer'])} {_text(one['repository'])}, run {_text(one['run_id'])}", indent=2))
    output.print(line(f"compared {period['since']} to {period['until']}"))
    output.print(
        line(
            f"logins in lines: {compared['logins']:,}, sessions in CloudTrail: {compared['sessions']:,}, "
            f"without a line: {len(events):,}, without an event: {len(lines):,}"
        )
    )
    for what in ("logins", "sessions"):
        if count := compared[f"{what}_outside"]:
            output.print(line(f"{what} outside of this period, not compared: {count:,}"))
    if count := compared["sessions_of_others"]:
        output.print(line(f"sessions of others, not compared: {count:,}"))


def _text(value: Json) -> str:
    return "-" if value is None else escape_non_ascii(str(value))
