"""Decide a recorded exchange again, with a cache: in a log, the same pipelines occur many times.

Values that cannot change a decision, such as the number of a run or its commit, are not part of the cache key. A log of
a million lines then has some thousand decisions, each of which may look at ten thousand grants.
"""

import json
from bisect import bisect_right
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from token_exchange.core.conditions import RawCondition
from token_exchange.core.decision import AccessRequest, Decision, Granted, decide, for_one_login
from token_exchange.core.evaluate import Caller, Considered
from token_exchange.core.policy import Grant, Issuer, Policy, Template
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Refused
from token_exchange.core.vocabulary import ClaimPath, Name, claim_at
from token_exchange.http.request import parse_scope
from token_exchange.reporting.disclosure import is_up_to_grants, nearest_grants
from token_exchange_cli.explain.callers import request_in
from token_exchange_cli.meaning.conditions import is_on_name
from token_exchange_cli.replay.outcomes import Login, Outcome, decided_outcome
from token_exchange_cli.replay.recorded import NotRecorded, RecordedClaims, require_recorded_claims


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """A request, and whether its format holds only one login."""

    request: AccessRequest
    one_login: bool = False


def recorded_request(record: Mapping[str, Json]) -> LoggedRequest | None:
    """Return the recorded request; None if the record does not have all of it."""
    request, asked = request_in(record), record.get("asked")
    if request is None or not isinstance(asked, dict):
        return None
    return LoggedRequest(request=request, one_login=asked.get("one_login") is True)


def possible_requests(
    record: Mapping[str, Json], logins: Mapping[Login, str], *, registry_of_grant: Mapping[str, str]
) -> Iterator[LoggedRequest]:
    """Yield possible requests for which `logins` were given, each with its grant; the simplest first."""
    for request in _requests(record, logins, registry_of_grant):
        yield LoggedRequest(request=request)


def _requests(
    record: Mapping[str, Json], logins: Mapping[Login, str], registry_of_grant: Mapping[str, str]
) -> Iterator[AccessRequest]:
    registries = tuple(sorted({login.registry for login in logins}))
    would = {str(one.get("registry")) for one in _objects(record, "would")}
    # Only grants of requested registries are considered.
    looked_at = {
        registry_of_grant[name]
        for one in _objects(record, "considered")
        if (name := str(one.get("grant"))) in registry_of_grant
    }
    # So only a request for everything reports a registry besides those that were given.
    yield AccessRequest(registries=registries if would | looked_at <= {*registries} else ())
    if not logins:
        yield AccessRequest(registries=tuple(sorted(looked_at)))
    if len(logins) != 1:
        return
    ((login, grant),) = logins.items()
    yield AccessRequest(registries=registries, grant=grant)
    try:
        scope = parse_scope(login.scope)
    except Refused:
        return  # patterns, which no request can contain: the request was for the whole grant
    yield AccessRequest(registries=registries, scope=scope)
    yield AccessRequest(registries=registries, grant=grant, scope=scope)


def _objects(record: Mapping[str, Json], name: str) -> list[dict[str, Json]]:
    found = record.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


_MOST_REMEMBERED: Final = 4096
"""Decisions, of a few KiB at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decisive:
    """What the decision on a caller of one issuer depends on, and when its grants expire."""

    names: tuple[Name, ...]
    paths: tuple[ClaimPath, ...]
    ends_seconds: tuple[int, ...]


class Decider:
    """Decide by `policy`, with a bounded cache."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._decisive: dict[str, _Decisive] = {}
        self._remembered: dict[Hashable, Outcome | str] = {}

    def outcome(self, caller: Caller, claims: RecordedClaims, ask: LoggedRequest) -> Outcome:
        """Return the outcome of the request `ask` by `caller`.

        Raises:
            NotRecorded: it depends on a claim that `claims` lacks.
        """
        key = self._key(caller, claims, ask)
        found = self._remembered.get(key)
        if found is None:
            found = self._decided(caller, claims, ask)
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = found
        if isinstance(found, str):
            raise NotRecorded(found)
        return found

    def _decided(self, caller: Caller, claims: RecordedClaims, ask: LoggedRequest) -> Outcome | str:
        decision = decide(self.policy, caller, ask.request)
        try:
            require_recorded_claims(self.policy, caller, claims, ask.request, decision)
        except NotRecorded as error:
            return str(error)
        if ask.one_login:
            decision = for_one_login(decision)
        return decided_outcome(decision, nearest=nearest_of(self.policy, caller, ask.request, decision))

    def _key(self, caller: Caller, claims: RecordedClaims, ask: LoggedRequest) -> Hashable:
        issuer = caller.issuer
        if issuer.name not in self._decisive:
            self._decisive[issuer.name] = _decisive(self.policy, issuer)
        decisive = self._decisive[issuer.name]
        vocabulary = caller.identity.vocabulary
        return (
            issuer.name,
            ask,
            caller.identity.untrusted_trigger,
            tuple(vocabulary.get(name) for name in decisive.names),
            tuple((claims.is_recorded(path[0]), _typed(claim_at(caller.claims, path))) for path in decisive.paths),
            bisect_right(decisive.ends_seconds, caller.now),
        )


def nearest_of(policy: Policy, caller: Caller, ask: AccessRequest, decision: Decision) -> Considered | None:
    """Return the grant that came nearest, where a denial was up to the grants."""
    if isinstance(decision, Granted) or not is_up_to_grants(decision.reason):
        return None
    return next(iter(nearest_grants(policy, caller, ask).nearest), None)


def _decisive(policy: Policy, issuer: Issuer) -> _Decisive:
    grants = [policy.grants[place] for place in policy.indexes[issuer.name].all]
    rules = [rule for rule in policy.deny if issuer.name in rule.issuers]
    conditions = [condition for grant in grants for condition in grant.conditions]
    conditions += [condition for rule in rules for condition in rule.conditions]
    names: set[Name] = {"organization", "organization_id"}
    names |= {name for name in issuer.preset.vocabulary if any(is_on_name(condition, name) for condition in conditions)}
    names |= {name for grant in grants for template in _templates(grant) for name in template.names}
    paths = {
        condition.path for condition in conditions if isinstance(condition, RawCondition)
    } | issuer.preset.must_match
    ends = {grant.expires_at_seconds for grant in grants if grant.expires_at_seconds is not None}
    return _Decisive(names=tuple(sorted(names)), paths=tuple(sorted(paths)), ends_seconds=tuple(sorted(ends)))


def _templates(grant: Grant) -> Iterator[Template]:
    terms = grant.terms
    if terms is None:
        return
    yield from terms.repositories
    yield from terms.also_pull
    yield from (template for _, template in terms.text_templates)


def _typed(value: Json) -> Hashable:
    """Return `value` so that values that conditions distinguish are distinct: in Python, `True` equals 1."""
    return json.dumps(value) if isinstance(value, list | dict) else (type(value), value)
