"""Replays a whole log, with progress on a terminal and remarks on what was skipped."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import Progress, TextColumn

from token_exchange.core.policy import Policy
from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import shown_name
from token_exchange_cli.replay.log_lines import LogLine, log_lines
from token_exchange_cli.replay.replay import Difference, Replay, Skipped, Tally
from token_exchange_cli.terminal import remark

_SKIPPED: Final[Mapping[Skipped, str]] = {
    "other-lines": "not an audit record",
    "unreadable": "unreadable audit record",
    "explanations": "an explanation, which gives no login",
    "unverified": "a token that was not verified",
    "undecidable": "the record lacks a claim that the decision depends on",
}

_MAX_PROBLEMS: Final = 5
_PROGRESS_LINES: Final = 1000


def replay_log(before: Policy, after: Policy, audit: str, tell: Callable[[Difference], None]) -> tuple[Tally, int]:
    """Report each exchange with a different result as it is found; return the counts.

    Raises:
        Unusable: the log cannot be read, or contains no audit record.
    """
    replay = Replay(before, after)
    differing = 0
    has_records = False
    with _progress() as advance:
        for one in log_lines(audit):
            if one.number % _PROGRESS_LINES == 0:
                advance(one.number, differing)
            has_records |= bool(one.records)
            for difference in _differences(one, replay):
                differing += 1
                tell(difference)
    if replay.tally.skipped["unreadable"] and not has_records:
        raise Unusable(f"{shown_name(audit)}: contains no audit record; expected one JSON object per line")
    for text in _remarks(replay.tally):
        remark(text)
    return replay.tally, differing


def _differences(one: LogLine, replay: Replay) -> Iterator[Difference]:
    if one.problem is not None:
        replay.skip("unreadable")
        if replay.tally.skipped["unreadable"] <= _MAX_PROBLEMS:
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
            yield f"skipped {count}: {text}"
    for cause, count in tally.undecidable.most_common():
        yield f"undecidable {count}: {cause}"
    if tally.old_differs:
        yield f"OLD would not have decided {tally.old_differs} of them as logged: was another policy deployed then?"


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show progress on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _lines, _differing: None
        return
    column = TextColumn("{task.completed:,.0f} lines, {task.fields[differing]:,} different results")
    with Progress(column, console=Console(file=sys.stderr), transient=True) as shown_progress:
        task = shown_progress.add_task("", total=None, differing=0)
        yield lambda lines, differing: shown_progress.update(task, completed=lines, differing=differing)
