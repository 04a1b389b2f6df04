"""`policy diff`: what a new policy changes, and which exchanges of the past it would decide otherwise."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Final

import click
from rich.console import Console
from rich.progress import Progress, TextColumn

from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange_cli.console import Status, Unusable
from token_exchange_cli.diff.change import SECTIONS, Change
from token_exchange_cli.diff.policies import changes
from token_exchange_cli.inputs import load_policy_argument, shown_name
from token_exchange_cli.replay.log_lines import LogLine, log_lines
from token_exchange_cli.replay.replay import Difference, Replay, Skipped, Tally
from token_exchange_cli.terminal import console, line, remark, shown

_STYLES: Final[Mapping[str, str]] = {"added": "red", "wider": "red", "removed": "green", "narrower": "green"}

_SKIPPED: Final[Mapping[Skipped, str]] = {
    "other-lines": "no audit record",
    "unreadable": "an audit record that cannot be read",
    "explanations": "an explanation, of which no login comes",
    "unverified": "a token that was not verified",
    "undecidable": "a record that does not tell what the decision hangs on",
}

_MOST_PROBLEMS: Final = 5
_MOST_GRANTS: Final = 5
_TOLD_EVERY: Final = 1000


@click.command("diff")
@click.argument("old_file", metavar="OLD")
@click.argument("new_file", metavar="NEW")
@click.option("--audit", metavar="LOG", help="Audit lines, also packed with gzip: which would end otherwise?")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where anything differs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    context: click.Context, *, old_file: str, new_file: str, audit: str | None, exit_code: bool, as_json: bool
) -> None:
    """Say in what the policy NEW differs from OLD, by what it means and not by its text.

    With --audit every exchange of the log is decided again by NEW, at the time it was made, and those are shown that
    would end otherwise than their line says.

    Exit status: 0 fine, 1 with --exit-code where anything differs, 2 wrong use or input that cannot be read.

    \b
    Examples:
      token-exchange policy diff deployed.yaml policy.yaml
      token-exchange policy diff deployed.yaml policy.yaml --audit audit.jsonl.gz --exit-code
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    before, after = load_policy_argument(old_file), load_policy_argument(new_file)
    found = list(changes(before, after))
    with TemporaryFile("w+", encoding="ascii") as spooled:
        if not as_json:
            _print_changes(found)
        tally = Tally()
        differing = 0
        if audit is not None:
            tell = _spooling(spooled) if as_json else _print_difference
            tally, differing = _replayed(before, after, audit, tell)
        if as_json:
            _print_document(found, tally, spooled)
        elif audit is not None:
            click.echo(f"exchanges looked at: {tally.looked_at}, would end otherwise: {differing}")
    context.exit(Status.NO if exit_code and (found or differing) else Status.FINE)


def _replayed(before: Policy, after: Policy, audit: str, tell: Callable[[Difference], None]) -> tuple[Tally, int]:
    """Tell of each exchange that would end otherwise, as it is found; return the counts."""
    replay = Replay(before, after)
    differing = 0
    has_records = False
    with _progress() as advance:
        for one in log_lines(audit):
            if one.number % _TOLD_EVERY == 0:
                advance(one.number, differing)
            has_records |= bool(one.records)
            for difference in _differences(one, replay):
                differing += 1
                tell(difference)
    if replay.tally.skipped["unreadable"] and not has_records:
        raise Unusable(f"{shown_name(audit)}: no audit record in it; expected one JSON object a line")
    for text in _remarks(replay.tally):
        remark(text)
    return replay.tally, differing


def _differences(one: LogLine, replay: Replay) -> Iterator[Difference]:
    if one.problem is not None:
        replay.skip("unreadable")
        if replay.tally.skipped["unreadable"] <= _MOST_PROBLEMS:
            remark(f"line {one.number}: {one.problem}")
    elif not one.records:
        replay.skip("other-lines")
    for record in one.records:
        difference = replay.difference(one.number, record)
        if difference is not None:
            yield difference


def _remarks(tally: Tally) -> Iterator[str]:
    for why, text in _SKIPPED.items():
        if count := tally.skipped[why]:
            yield f"not looked at, {count} of: {text}"
    for cause, count in tally.undecidable.most_common():
        yield f"not told in {count}: {cause}"
    if tally.old_differs:
        yield f"OLD itself would have ended {tally.old_differs} otherwise than their lines say"


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how far it is; elsewhere, nothing."""
    if not sys.stderr.isatty():
        yield lambda _lines, _differing: None
        return
    column = TextColumn("{task.completed:,.0f} lines, {task.fields[differing]:,} would end otherwise")
    with Progress(column, console=Console(file=sys.stderr), transient=True) as shown_progress:
        task = shown_progress.add_task("", total=None, differing=0)
        yield lambda lines, differing: shown_progress.update(task, completed=lines, differing=differing)


def _print_changes(found: list[Change]) -> None:
    output = console()
    for section in SECTIONS:
        for change in found:
            if change.section == section:
                output.print(line((section, _STYLES.get(section, "yellow")), f" {change.kind} {change.name}"))
                for text in change.what:
                    output.print(line(shown(text), indent=2))
                if change.grants:
                    output.print(line(f"grants {_some(change.grants)}", indent=2))
    if not found:
        output.print(line("the policies mean the same"))


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_GRANTS
    return ", ".join(names[:_MOST_GRANTS]) + (f" and {more} more" if more > 0 else "")


def _print_difference(difference: Difference) -> None:
    click.echo(f"line {difference.line} {difference.request_id}: {difference.before} -> {difference.after}")
    click.echo(f"  {difference.why}")


def _spooling(spooled: IO[str]) -> Callable[[Difference], None]:
    """Keep differences on disk until the whole log has been read: a log may have more of them than memory."""

    def keep(difference: Difference) -> None:
        spooled.write(json.dumps(difference.fields()) + "\n")

    return keep


def _print_document(found: list[Change], tally: Tally, spooled: IO[str]) -> None:
    document: dict[str, Json] = {
        section: [change.fields() for change in found if change.section == section] for section in SECTIONS
    }
    skipped: dict[str, Json] = {why: tally.skipped[why] for why in _SKIPPED}
    document["decisions"] = {
        "looked_at": tally.looked_at,
        "old_differs": tally.old_differs,
        "skipped": skipped,
        "undecidable": dict(tally.undecidable.most_common()),
        "differ": [],
    }
    head, tail = json.dumps(document, indent=2).rsplit("[]", 1)
    click.echo(f"{head}[", nl=False)
    spooled.seek(0)
    for number, text in enumerate(spooled):
        click.echo(f"{',' if number else ''}\n      {text.rstrip()}", nl=False)
    click.echo(f"{'\n    ' if spooled.tell() else ''}]{tail}")
