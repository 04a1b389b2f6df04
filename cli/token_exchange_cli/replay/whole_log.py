"""Replays a whole log, with progress on a terminal and remarks on what was skipped."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import PolicyInput, input_name
from token_exchange_cli.logs.lines import log_parts
from token_exchange_cli.replay.parallel import decided
from token_exchange_cli.replay.replay import Difference, Skipped, Tally
from token_exchange_cli.terminal import progress, remark

_SKIPPED: Final[Mapping[Skipped, str]] = {
    "other-lines": "not an audit record",
    "unreadable": "unreadable audit record",
    "explanations": "an explanation, which gives no login",
    "unverified": "a token that was not verified",
    "undecidable": "the record lacks a claim that the decision depends on",
}

_MAX_PROBLEMS: Final = 5


def replay_log(
    before: PolicyInput, after: PolicyInput, audit: str, tell: Callable[[Difference], None]
) -> tuple[Tally, int]:
    """Report each exchange with a different result as it is found; return the counts.

    Raises:
        Unusable: a policy does not load, the log cannot be read, or it contains no audit record.
    """
    tally = Tally()
    lines = differing = records = 0
    with progress() as advance:
        for found in decided(before, after, log_parts([audit])):
            lines += found.lines
            advance(f"{lines:,} lines, {differing:,} different results")
            for number, problem in found.problems[: max(0, _MAX_PROBLEMS - tally.skipped["unreadable"])]:
                remark(f"line {number}: {problem}")
            for difference in found.differences:
                tell(difference)
            tally.add(found.tally)
            differing += len(found.differences)
            records += found.records
    if tally.skipped["unreadable"] and not records:
        raise Unusable(f"{input_name(audit)}: contains no audit record; expected one JSON object per line")
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
