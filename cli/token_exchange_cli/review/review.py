"""Everything that a reviewer of a changed policy needs to know, and the objections to merging the change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from codeowners import CodeOwners

from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange_cli.cases.cases import Case
from token_exchange_cli.cases.results import Result, results_fields, run_case
from token_exchange_cli.diff.bounds import Bounds, bounds_changes, bounds_of, spelled_bounds
from token_exchange_cli.diff.change import Change
from token_exchange_cli.diff.policies import changes
from token_exchange_cli.inputs import PolicyInput
from token_exchange_cli.lint.finding import Located, located_fields
from token_exchange_cli.lint.linter import Places, findings
from token_exchange_cli.replay.replay import Difference, Tally
from token_exchange_cli.replay.whole_log import replay_log
from token_exchange_cli.review.marks import MARK, other_accounts, unused, widened
from token_exchange_cli.review.owners import repository_path

_MAX_DIFFERENCES: Final = 20
"""A comment has room for about 65,000 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A file of the policy that changed, or whose grants depend on an entry that did.

    `owners` is None if no CODEOWNERS was given. `limits` says what the file may name.
    """

    path: str
    why: str
    owners: tuple[str, ...] | None
    limits: tuple[str, ...]

    def fields(self) -> dict[str, Json]:
        """Return the file as the command prints it."""
        owners: Json = None if self.owners is None else [*self.owners]
        return {"file": self.path, "why": self.why, "owners": owners, "limits": [*self.limits]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of a log: the first exchanges with a different result, and how many there are."""

    tally: Tally
    differing: int
    first: tuple[Difference, ...]

    def fields(self) -> dict[str, Json]:
        """Return the counts and the first differences as the command prints them."""
        return {**self.tally.fields(), "differing": self.differing, "differ": [one.fields() for one in self.first]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The findings of all parts; `objections` is empty if nothing keeps the change from being merged.

    `loads` is false if the new policy does not load; then there is nothing to compare.
    `results` and `replayed` are None where there were no tests and no log, or the new policy does not load.
    """

    objections: tuple[str, ...]
    loads: bool = True
    changes: tuple[Change, ...] = ()
    wider: tuple[Change, ...] = ()
    unmarked: tuple[str, ...] = ()
    unused_marks: tuple[str, ...] = ()
    touched: tuple[Touched, ...] = ()
    findings: tuple[Located, ...]
    results: tuple[Result, ...] | None = None
    replayed: Replayed | None = None

    def fields(self) -> dict[str, Json]:
        """Return the review as one JSON document."""
        wider = {(change.kind, change.name) for change in self.wider}
        return {
            "objections": [*self.objections],
            "changes": [
                {"section": one.section, "wider": (one.kind, one.name) in wider, **one.fields()} for one in self.changes
            ],
            "unmarked": [*self.unmarked],
            "unused_marks": [*self.unused_marks],
            "files": [one.fields() for one in self.touched],
            "lint": [located_fields(one) for one in self.findings],
            "tests": None if self.results is None else results_fields(self.results),
            "exchanges": None if self.replayed is None else self.replayed.fields(),
        }


def review(
    old: PolicyInput,
    new: PolicyInput,
    *,
    cases: Sequence[Case],
    marks: frozenset[str],
    owners: CodeOwners | None,
    audit: str | None,
    now: datetime,
) -> Review:
    """Return the review of `new`, which is to take the place of `old`.

    Raises:
        Unusable: `old` does not load, or the log cannot be read.
    """
    before = old.usable()
    found = tuple(findings(new, today=now.astimezone(UTC).date()))
    errors = [one for one in found if one.finding.severity == "error"]
    if any(one.finding.code != "placeholder-left" for one in errors):
        return Review(objections=("the new policy does not load",), loads=False, findings=found)
    after = new.load()
    bounds = bounds_of(new, after)
    changed = (*bounds_changes(bounds_of(old, before), bounds), *changes(before, after))
    wider = widened(changed, before, after)
    unmarked = tuple(dict.fromkeys(change.name for change in wider if change.name not in marks))
    results = tuple(run_case(after, case, now=now.timestamp()) for case in cases) or None
    reasons = _reasons(_texts(old, before, new), _texts(new, after, new), changed)
    touched = tuple(_touched(new, reasons, bounds, owners))
    objections = _objections(errors, unmarked, other_accounts(before, after), results, touched)
    return Review(
        objections=tuple(objections),
        changes=changed,
        wider=tuple(wider),
        unmarked=unmarked,
        unused_marks=tuple(unused(marks, wider)),
        touched=touched,
        findings=found,
        results=results,
        replayed=None if audit is None else _replayed(old, new, audit),
    )


def _objections(
    errors: Sequence[Located],
    unmarked: Sequence[str],
    accounts: tuple[list[str], list[str]] | None,
    results: Sequence[Result] | None,
    touched: Sequence[Touched],
) -> Iterator[str]:
    if errors:
        yield f"lint errors: {len(errors)}"
    if unmarked and accounts is not None:
        was, now = (", ".join(found) for found in accounts)
        yield f"all registries are in other accounts ({was} before, {now} now): is this the policy of another service?"
    if unmarked:
        yield f"may give more than before, without a line `{MARK}: NAME` in a commit: {', '.join(unmarked)}"
    if failed := sum(not result.passed for result in results or ()):
        yield f"failed tests: {failed}"
    for one in touched:
        if one.owners == ():
            yield f"no line of CODEOWNERS gives {one.path} an owner"


def _replayed(old: PolicyInput, new: PolicyInput, audit: str) -> Replayed:
    first: list[Difference] = []

    def keep(difference: Difference) -> None:
        if len(first) < _MAX_DIFFERENCES:
            first.append(difference)

    tally, differing = replay_log(old, new, audit, keep)
    return Replayed(tally=tally, differing=differing, first=tuple(first))


def _touched(
    new: PolicyInput,
    reasons: Mapping[str, str],
    bounds: Bounds,
    owners: CodeOwners | None,
) -> Iterator[Touched]:
    for file, why in reasons.items():
        path = repository_path(new, file)
        limits = spelled_bounds(bounds[file]) if file in bounds else ()
        found = None if owners is None else tuple(name for _, name in owners.of(path))
        yield Touched(path=path, why=why, owners=found, limits=limits)


def _texts(given: PolicyInput, policy: Policy, new: PolicyInput) -> Mapping[str, bytes]:
    """Return the files of `given`, and those that it names; that of a policy of one file by its name in `new`."""
    texts = given.texts() if given.is_folder or new.is_folder else {new.document.name: given.text()}
    read = given.document.read_file
    return texts if read is None else {**texts, **{file: read(file) for file in policy.files}}


def _reasons(was: Mapping[str, bytes], now: Mapping[str, bytes], changed: Sequence[Change]) -> Mapping[str, str]:
    """Return why each file needs its owners: the file itself, or an entry that its grants depend on."""
    found: dict[str, str] = {}
    for file in {**was, **now}:
        if file not in now:
            found[file] = "removed"
        elif file not in was:
            found[file] = "added"
        elif was[file] != now[file]:
            found[file] = "changed"
    files = {grant: file for file, content in now.items() for grant in Places(content).grants}
    for change in changed:
        for grant in change.grants or ():
            found.setdefault(files[grant], f"its grants depend on the {change.kind} {change.name}, which changed")
    return found
