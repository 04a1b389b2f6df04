"""`policy diff`: what a new policy changes, and which logged exchanges it would decide differently."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from tempfile import TemporaryFile
from typing import IO, Final

import click

from token_exchange.core.ports import Json
from token_exchange_cli.console import Status, Unusable
from token_exchange_cli.diff.change import SECTIONS, Change
from token_exchange_cli.diff.policies import changes
from token_exchange_cli.inputs import PolicyInput, load_given_policy, read_policy, shown_name
from token_exchange_cli.logs.lines import log_lines
from token_exchange_cli.replay.parallel import decided
from token_exchange_cli.replay.replay import Difference, Skipped, Tally
from token_exchange_cli.terminal import console, line, progress, remark, shown

_STYLES: Final[Mapping[str, str]] = {"added": "red", "wider": "red", "removed": "green", "narrower": "green"}

_SKIPPED: Final[Mapping[Skipped, str]] = {
    "other-lines": "not an audit record",
    "unreadable": "unreadable audit record",
    "explanations": "an explanation, which gives no login",
    "unverified": "a token that was not verified",
    "undecidable": "the record lacks a claim that the decision depends on",
}

_MAX_PROBLEMS: Final = 5
_MAX_GRANTS: Final = 5


@click.command("diff")
@click.argument("old_file", metavar="OLD")
@click.argument("new_file", metavar="NEW")
@click.option("--audit", metavar="LOG", help="Replay these audit lines (gzip or not) with NEW.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    context: click.Context, *, old_file: str, new_file: str, audit: str | None, exit_code: bool, as_json: bool
) -> None:
    """Show how the policy NEW differs from OLD, by meaning and not by text.

    With --audit, every logged exchange is decided again by NEW, as of the time it was made. Exchanges with a different
    result are listed.

    Exit status: 0 success, 1 with --exit-code if anything differs, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange policy diff deployed.yaml policy.yaml
      token-exchange policy diff deployed.yaml policy.yaml --audit audit.jsonl.gz --exit-code
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    before, after = read_policy(old_file), read_policy(new_file)
    found = list(changes(load_given_policy(before), load_given_policy(after)))
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
            click.echo(f"exchanges replayed: {tally.looked_at}, different results: {differing}")
    context.exit(Status.NO if exit_code and (found or differing) else Status.FINE)


def _replayed(
    before: PolicyInput, after: PolicyInput, audit: str, tell: Callable[[Difference], None]
) -> tuple[Tally, int]:
    """Report each exchange with a different result as it is found; return the counts."""
    tally = Tally()
    differing = records = 0
    with progress() as advance:
        for found in decided(before, after, log_lines([audit])):
            advance(f"{found.last_line:,} lines, {differing:,} different results")
            for number, problem in found.problems[: max(0, _MAX_PROBLEMS - tally.skipped["unreadable"])]:
                remark(f"line {number}: {problem}")
            for difference in found.differences:
                tell(difference)
            tally.add(found.tally)
            differing += len(found.differences)
            records += found.records
    if tally.skipped["unreadable"] and not records:
        raise Unusable(f"{shown_name(audit)}: contains no audit record; expected one JSON object per line")
    for text in _remarks(tally):
        remark(text)
    return tally, differing


def _remarks(tally: Tally) -> Iterator[str]:
    for why, text in _SKIPPED.items():
        if count := tally.skipped[why]:
            yield f"skipped {count}: {text}"
    for cause, count in tally.undecidable.most_common():
        yield f"undecidable {count}: {cause}"
    if tally.old_differs:
        yield f"OLD would not have decided {tally.old_differs} of them as logged: was another policy deployed then?"


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
