"""`audit ocsf`: audit lines as OCSF events."""

import json
from collections.abc import Iterator

import click

from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange_cli.audit.ocsf import NoEvent, ocsf_events
from token_exchange_cli.console import Status
from token_exchange_cli.inputs import input_name
from token_exchange_cli.logs.files import Damaged, files_of
from token_exchange_cli.logs.lines import LogLine, lines_of
from token_exchange_cli.terminal import remark


@click.command("ocsf")
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document with `events`, instead of a line for each."
)
@click.pass_context
def command(context: click.Context, *, logs: tuple[str, ...], as_json: bool) -> None:
    """Print audit lines as OCSF events of the class Authentication, one JSON object per line.

    Each login becomes one event, and so does a request without a login. LOGS are files or folders, gzipped or not, as
    the AWS CLI prints them, CloudWatch exports them or Firehose writes them.

    Exit status: 0 success, 1 some lines cannot be read, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange audit ocsf audit.jsonl > events.jsonl
      aws logs tail "$LOG_GROUP" --since 1h | token-exchange audit ocsf -
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    problems = 0
    before = '{"events": [\n' if as_json else ""
    for line in _lines(logs):
        for event, problem in _events(line):
            if problem is None:
                click.echo(f"{before}{json.dumps(event)}", nl=not as_json)
                before = ",\n" if as_json else ""
            else:
                problems += 1
                remark(f"{_place(line)}: {problem}")
    if as_json:
        click.echo("\n]}" if before == ",\n" else f"{before}]}}")
    context.exit(Status.NO if problems else Status.FINE)


def _lines(logs: tuple[str, ...]) -> Iterator[LogLine]:
    """Yield the lines of all files; behind those of one that is damaged, a line that says so."""
    for file in files_of(logs):
        try:
            yield from lines_of(file)
        except Damaged as error:
            yield LogLine(file, 0, (), error.message.removeprefix(f"{input_name(file)}: "))


def _place(line: LogLine) -> str:
    return f"{input_name(line.file)}:{line.number}" if line.number else input_name(line.file)


def _events(line: LogLine) -> Iterator[tuple[dict[str, Json], str | None]]:
    """Yield each event of a line, or why there is none."""
    if line.problem is not None:
        yield {}, line.problem
    for text in line.audit:
        try:
            events = list(ocsf_events(parse_object(text, max_values=None)))
        except (NotStrictJson, NoEvent) as error:
            yield {}, str(error)
        else:
            yield from ((event, None) for event in events)
