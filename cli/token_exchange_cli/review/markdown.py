"""Writes a review as Markdown, for a comment on the change.

Everything that someone wrote in a policy or a token is in a code span: no name is a mention, and no text a link.
"""

import re
from collections.abc import Iterator, Sequence

from token_exchange_cli.cases.results import Result, spelled_fields
from token_exchange_cli.diff.change import SECTIONS, Change
from token_exchange_cli.lint.finding import Located, summary
from token_exchange_cli.review.marks import MARK
from token_exchange_cli.review.review import Replayed, Review, Touched
from token_exchange_cli.safe_text import escape_non_ascii


def markdown(found: Review) -> str:
    """Return the review as Markdown."""
    parts = [
        ["# Policy review"],
        [f"- **{sentence}**" for sentence in map(_plain, found.objections)] or ["No objections."],
        ["## What changes", *_changes(found)] if found.loads else [],
        ["## Who must review", *_touched(found.touched)] if found.loads else [],
        [f"## Lint: {summary(found.findings)}", *map(_finding, found.findings)],
        _tests(found.results) if found.loads else [],
        _exchanges(found.replayed),
    ]
    return "\n".join("\n".join([*part, ""]) for part in parts if part)


def code(text: str) -> str:
    """Return the text as a code span, on one line and in ASCII."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    room = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{room}{escape_non_ascii(text)}{room}{fence}"


def _plain(sentence: str) -> str:
    """Escape a sentence of the program, whose names and values are letters, digits and ._-/ in a policy that loads."""
    return sentence.replace("*", "\\*").replace("_", "\\_")


def _changes(found: Review) -> Iterator[str]:
    if not found.changes:
        yield "Nothing: the policies are equivalent."
    wider = {(change.kind, change.name) for change in found.wider}
    for section in SECTIONS:
        for change in found.changes:
            if change.section == section:
                yield f"- {_heading(change, wider=(change.kind, change.name) in wider, unmarked=found.unmarked)}"
                yield from (f"  - {code(text)}" for text in change.what)
                if change.grants:
                    yield f"  - grants {', '.join(map(code, change.grants))}"
    if found.unmarked:
        yield ""
        yield "If this is intended, name each on its own line in a commit message:"
        yield ""
        yield from (f"    {MARK}: {name}" for name in found.unmarked)
    if found.unused_marks:
        yield ""
        yield f"Marked, but not wider: {', '.join(map(code, found.unused_marks))}"


def _heading(change: Change, *, wider: bool, unmarked: Sequence[str]) -> str:
    mark = "" if not wider else ", **not marked**" if change.name in unmarked else f", marked as `{MARK}`"
    return f"{change.section} {change.kind} {code(change.name)}{mark}"


def _touched(touched: Sequence[Touched]) -> Iterator[str]:
    if not touched:
        yield "No file of the policy changed."
    for one in touched:
        owners = "" if one.owners is None else ", ".join(map(code, one.owners)) or "**no owner**"
        yield f"- {code(one.path)}{f': {owners}' if owners else ''} ({code(one.why) if ' ' in one.why else one.why})"
        yield from (f"  - {code(text)}" for text in one.limits)


def _finding(one: Located) -> str:
    finding = one.finding
    advice = f" ({code(finding.suggestion)})" if finding.suggestion else ""
    where = code(f"{one.file}:{one.place.line}:{one.place.column}")
    return f"- {where} {finding.severity} {code(finding.code)}: {code(finding.message)}{advice}"


def _tests(results: Sequence[Result] | None) -> list[str]:
    if results is None:
        return ["## Tests", "None were run."]
    failed = [result for result in results if not result.passed]
    lines = [f"## Tests: {len(results) - len(failed)} passed, {len(failed)} failed"]
    for result in failed:
        lines.append(f"- {code(result.case.name)} in {code(result.case.file + result.case.place)}")
        lines.append(f"  - expected {code(spelled_fields(result.expected))}")
        lines.append(f"  - found {code(spelled_fields(result.found))}")
    return lines


def _exchanges(replayed: Replayed | None) -> list[str]:
    if replayed is None:
        return []
    lines = [
        f"## Logged exchanges: {replayed.tally.looked_at} decided again, {replayed.differing} with a different result"
    ]
    for one in replayed.first:
        lines.append(f"- {one.before} → {one.after}, {code(one.request_id)} in line {one.line}")
        lines.append(f"  - {code(one.why)}")
    if replayed.differing > len(replayed.first):
        lines.append(f"- and {replayed.differing - len(replayed.first)} more, which `policy diff --audit` lists")
    return lines
