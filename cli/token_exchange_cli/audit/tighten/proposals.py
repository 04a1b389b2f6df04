"""What each grant could additionally require, or give less of, according to the logins of a log.

A name is proposed if every login of the grant had a value for it, and not too many different ones.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from token_exchange.core.conditions import NamedCondition
from token_exchange.core.policy import Grant, Policy
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import Name
from token_exchange.loading.fields import spelled_duration
from token_exchange_cli.audit.engine import query
from token_exchange_cli.audit.log import AuditLog
from token_exchange_cli.explain.callers import is_cut

_MOST_VALUES: Final[Mapping[Name, int]] = {
    "repository_id": 20,
    "branch": 5,
    "environment": 5,
    "event": 5,
    "workflow": 5,
}
"""The names, in the order in which they are proposed, each with the most values that a policy should list."""

_DURATIONS: Final = (900, 1800, 3600, 7200, 14_400)
_SPARE: Final = 1.5
"""The margin of a login's duration after its latest event, because builds vary in speed."""

_CLOCK_SKEW_SECONDS: Final = 60

_PUSHES: Final = frozenset({"PutImage", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change to one grant: conditions to add under `match`, and other keys with their new values."""

    grant: str
    match: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, str]

    def texts(self) -> list[str]:
        """Return the proposals, one line each."""
        added = [f"match {name}: {', '.join(values)}" for name, values in self.match.items()]
        return added + [f"{key}: {value}" for key, value in self.keys.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """The proposals, and a sentence for each question that the log cannot answer."""

    changes: tuple[Proposal, ...]
    unknown: tuple[str, ...]


def proposal_queries() -> list[str]:
    """Return the texts of the queries that `proposals` asks."""
    return [query("login_values"), query("grant_events")]


def proposals(policy: Policy, log: AuditLog, *, has_trail: bool) -> Proposals:
    """Return what is sufficient for each grant of `policy` according to the loaded log."""
    unknown: list[str] = []
    seen = _values(log)
    events = _events(log, unknown) if has_trail else {}
    changes: list[Proposal] = []
    for grant in policy.grants:
        if grant.name not in seen:
            unknown.append(f"{grant.name}: not used in the log, and not changed; see `audit unused`")
            continue
        match = dict(_match(policy, grant, seen[grant.name], unknown))
        keys: dict[str, str] = {}
        if has_trail and grant.name not in events:
            unknown.append(f"{grant.name}: its sessions have no events of ECR in CloudTrail's files")
        elif has_trail:
            keys = dict(_keys(grant, events[grant.name]))
        if match or keys:
            changes.append(Proposal(grant=grant.name, match=match, keys=keys))
    if not has_trail:
        unknown.append(
            "to find out whether pull is enough, and how long logins were used, give CloudTrail's files with --trail"
        )
    return Proposals(changes=tuple(changes), unknown=tuple(dict.fromkeys(unknown)))


def _values(log: AuditLog) -> dict[str, dict[str, set[Json]]]:
    seen: dict[str, dict[str, set[Json]]] = defaultdict(lambda: defaultdict(set))
    for row in log.ask("login_values"):
        seen[str(row["grant_name"])][str(row["name"])].add(row["value"])
    return seen


def _match(
    policy: Policy, grant: Grant, seen: Mapping[str, set[Json]], unknown: list[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    asked = {condition.name for condition in grant.conditions if isinstance(condition, NamedCondition)}
    for name, most in _MOST_VALUES.items():
        values = seen.get(name, {None})
        is_of_all = all(name in policy.issuers[issuer].preset.vocabulary for issuer in grant.issuers)
        if name in asked or not is_of_all or None in values or any(map(is_cut, values)):
            continue
        if name == "repository_id" and len(grant.issuers) > 1:
            unknown.append(f"{grant.name}: repository ids are unique only within one issuer, and the grant has several")
        elif len(values) > most:
            unknown.append(f"{grant.name}: {name} had {len(values)} values, more than a policy should list")
        else:
            yield name, tuple(sorted(map(str, values)))


def _events(log: AuditLog, unknown: list[str]) -> dict[str, tuple[frozenset[str], int]]:
    """Return which events the sessions of each grant have, and how long after its login the latest one was."""
    names: dict[str, set[str]] = defaultdict(set)
    latest: dict[str, int] = defaultdict(int)
    for row in log.ask("grant_events"):
        grant, first, last = str(row["grant_name"]), row["earliest_seconds"], row["latest_seconds"]
        names[grant].add(str(row["event_name"]))
        if not isinstance(first, int) or not isinstance(last, int) or first < -_CLOCK_SKEW_SECONDS:
            # An event before its login: one of the two clocks is wrong.
            last = _DURATIONS[-1]
            unknown.append(f"{grant}: how long its logins were used is unknown: an event has no time, or precedes them")
        latest[grant] = max(latest[grant], last)
    return {grant: (frozenset(found), latest[grant]) for grant, found in names.items()}


def _keys(grant: Grant, done: tuple[frozenset[str], int]) -> Iterator[tuple[str, str]]:
    terms, (events, latest_seconds) = grant.terms, done
    if terms is None:
        return
    if terms.access == "push" and events.isdisjoint(_PUSHES):
        yield "access", "pull"
    enough = next((seconds for seconds in _DURATIONS if seconds >= latest_seconds * _SPARE), None)
    if enough is not None and enough < terms.duration_seconds:
        yield "duration", spelled_duration(enough)
