"""`policy diff`: what a new policy changes, and which logged exchanges it would decide differently."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from tempfile import TemporaryFile
from typing import IO, Final

import click

from token_exchange.core.ports import Json
from token_exchange_cli.console import Status
from token_exchange_cli.diff.bounds import bounds_changes, bounds_of
from token_exchange_cli.diff.change import SECTIONS, Change
from token_exchange_cli.diff.policies import changes
from token_exchange_cli.inputs import read_policy
from token_exchange_cli.replay.replay import Difference, Tally
from token_exchange_cli.replay.whole_log import replay_log
from token_exchange_cli.safe_text import escape_non_ascii
from token_exchange_cli.terminal import console, line, waiting

_STYLES: Final[Mapping[str, str]] = {"added": "red", "wider": "red", "removed": "green", "narrower": "green"}

_MAX_GRANTS: Final = 5


@click.command("diff")
@click.argument("old_file", metavar="OLD")
@click.argument("new_file", metavar="NEW")
@click.option("--audit", metavar="LOG", help="Replay these audit lines (gzipped or not) with NEW.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    context: click.Context, *, old_file: str, new_file: str, audit: str | None, exit_code: bool, as_json: bool
) -> None:
    """Show how the policy NEW differs from OLD, in meaning, not in text.

    With --audit, NEW decides every logged exchange again, as of the time it was made. Exchanges with a different result
    are listed.

    Exit status: 0 success, 1 with --exit-code if anything differs, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange policy diff deployed.yaml policy.yaml
      token-exchange policy diff deployed.yaml policy.yaml --audit audit.jsonl.gz --exit-code
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    old, new = read_policy(old_file), read_policy(new_file)
    with waiting("comparing the policies"):
        before, after = old.usable(), new.usable()
        bounds = bounds_changes(bounds_of(old, before), bounds_of(new, after))
        found = list(chain(bounds, changes(before, after)))
    with TemporaryFile("w+", encoding="ascii") as spooled:
        if not as_json:
            _print_changes(found)
        tally = Tally()
        differing = 0
        if audit is not None:
            tell = _spooling(spooled) if as_json else _print_difference
            tally, differing = replay_log(old, new, audit, tell)
        if as_json:
            _print_document(found, tally, spooled)
        elif audit is not None:
            click.echo(f"exchanges replayed: {tally.looked_at}, different results: {differing}")
    context.exit(Status.NO if exit_code and (found or differing) else Status.FINE)


def _print_changes(found: list[Change]) -> None:
    output = console()
    for section in SECTIONS:
        for change in found:
            if change.section == section:
                output.print(line((section, _STYLES.get(section, "yellow")), f" {change.kind} {change.name}"))
                for text in change.what:
                    output.print(line(escape_non_ascii(text), indent=2))
                if change.grants:
                    output.print(line(f"grants {_some(change.grants)}", indent=2))
    if not found:
        output.print(line("the policies are equivalent"))


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MAX_GRANTS
    return ", ".join(names[:_MAX_GRANTS]) + (f" and {more} more" if more > 0 else "")


def _print_difference(difference: Difference) -> None:
    click.echo(f"line {difference.line} {difference.request_id}: {difference.before} -> {difference.after}")
    click.echo(f"  {difference.why}")


def _spooling(spooled: IO[str]) -> Callable[[Difference], None]:
    """Keep differences on disk until the whole log has been read: they may not fit in memory."""

    def keep(difference: Difference) -> None:
        spooled.write(json.dumps(difference.fields()) + "\n")

    return keep


def _print_document(found: list[Change], tally: Tally, spooled: IO[str]) -> None:
    document: dict[str, Json] = {
        section: [change.fields() for change in found if change.section == section] for section in SECTIONS
    }
    document["decisions"] = {**tally.fields(), "differ": []}
    head, tail = json.dumps(document, indent=2).rsplit("[]", 1)
    click.echo(f"{head}[", nl=False)
    spooled.seek(0)
    for number, text in enumerate(spooled):
        click.echo(f"{',' if number else ''}\n      {text.rstrip()}", nl=False)
    click.echo(f"{'\n    ' if spooled.tell() else ''}]{tail}")
