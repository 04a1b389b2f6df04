"""`audit verify`: check lines against the schema, and count what cannot be read."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import click

from token_exchange.core.strict_json import NotStrictJson
from token_exchange_cli.audit.log import AuditLog, audit_log
from token_exchange_cli.audit.schema import LineChecker
from token_exchange_cli.audit.sealing import Sealer, read_seals
from token_exchange_cli.console import Status
from token_exchange_cli.inputs import read_input
from token_exchange_cli.replay.recorded import record_in
from token_exchange_cli.safe_text import escape_non_ascii
from token_exchange_cli.terminal import print_json

_MAX_SEALS: Final = 16 * 1024 * 1024


@click.command("verify")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option("--seal", "seal_file", metavar="FILE", help="Compare with the seals of `audit seal`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(context: click.Context, *, logs: tuple[str, ...], seal_file: str | None, as_json: bool) -> None:
    """Check audit lines against their schema, and count what cannot be read.

    LOGS are files or folders, gzipped or not, as the AWS CLI prints them, CloudWatch exports them or Firehose writes
    them.

    With --seal, each sealed day must have exactly the lines that it had when it was sealed.

    Exit status: 0 all lines are valid, 1 some are not, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange audit verify audit.jsonl
      aws logs tail "$LOG_GROUP" --since 1d | token-exchange audit verify -
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    checker, sealer = LineChecker(), Sealer()
    seals = [] if seal_file is None else read_seals(read_input(seal_file, max_bytes=_MAX_SEALS), name=seal_file)
    with audit_log() as log:
        log.load_lines(logs, seen=lambda texts: _checked(sealer.seen(texts), checker, log))
        changed = sealer.differences(seals)
        if as_json:
            print_json({**log.counts(), "changed_days": [*changed]})
        else:
            _print(log, changed)
        is_fine = not log.read.problems and not changed
    context.exit(Status.FINE if is_fine else Status.NO)


def _checked(texts: Iterable[bytes], checker: LineChecker, log: AuditLog) -> Iterator[bytes]:
    for text in texts:
        try:
            line = record_in(text)
        except NotStrictJson as error:
            log.read.problem(str(error), f"audit line {log.read.audit_lines}")
            continue
        problem = checker.problem(line)
        if problem is not None:
            place = f"audit line {log.read.audit_lines}, request {escape_non_ascii(str(line.get('request_id')))}"
            log.read.problem(problem, place, is_readable=True)
        yield text


def _print(log: AuditLog, changed: Sequence[str]) -> None:
    log.print_remarks()
    for text in changed:
        click.echo(text)
    click.echo(f"lines: {log.read.lines:,}, audit lines: {log.read.audit_lines:,}")
    click.echo(f"problems: {log.read.problems.total():,}")
