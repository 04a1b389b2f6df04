"""Evaluates one grant for one caller, check by check.

This is the only place that defines when a grant wins. The decision takes the first failed check, and an explanation
takes all of them, so an answer and its explanation cannot disagree.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, Literal

from token_exchange.core.conditions import Condition
from token_exchange.core.identity import Identity, Preset, identify
from token_exchange.core.policy import EcrRegistry, Grant, Issuer
from token_exchange.core.ports import Json
from token_exchange.core.reach import (
    DoesNotFit,
    Reach,
    RepositoryScope,
    ScopeNotCovered,
    missing_name,
    narrowed,
    reach_of,
    scope_text,
)
from token_exchange.core.record import record
from token_exchange.core.vocabulary import ClaimPath, claim_at

MAX_CONSIDERED: Final = 10
"""Grants in an answer or a record: enough to correct a policy, few enough to read."""

type Rule = Literal[
    "allow_untrusted_triggers",
    "expires",
    "mode",
    "must_match",
    "repositories",
    "scope",
    "session_tags",
    "source_identity",
]
"""A field of the grant, or of the request, that is not a condition on a claim."""


@record
class FailedCheck:
    """One check that failed.

    `claim` is a claim's name (a list of keys for a nested one), or None if `rule` says what was checked. `found` is
    None if the claim is absent.
    """

    claim: str | list[str] | None
    rule: Rule | None
    expected: Json
    found: Json


@record
class Considered:
    """A grant with the checks that failed; there are none if it wins."""

    grant: Grant
    failed: tuple[FailedCheck, ...]


@record
class Caller:
    """The verified run that a decision is about; `now` is in seconds since the epoch."""

    issuer: Issuer
    identity: Identity
    claims: Mapping[str, Json]
    now: float


def caller_of(issuer: Issuer, claims: Mapping[str, Json], *, now: float) -> Caller:
    """Return the caller for `claims`, which a verified token of `issuer` holds.

    Raises:
        Refused: `missing-claim` or `invalid-claim`, as for `identify`.
    """
    return Caller(issuer=issuer, identity=identify(issuer.preset, claims), claims=claims, now=now)


def explain_grant(grant: Grant, caller: Caller, scope: Sequence[RepositoryScope]) -> Considered:
    """Return `grant` with all of its failed checks."""
    return Considered(grant=grant, failed=tuple(failed_checks(grant, caller, scope)))


def failed_checks(grant: Grant, caller: Caller, scope: Sequence[RepositoryScope]) -> Iterator[FailedCheck]:
    """Yield the checks that `grant` fails for `caller` and the requested `scope`; a grant wins if none fails.

    The order is part of the contract: the decision takes only the first failed check. A grant whose conditions do not
    hold is for other callers, and is not checked further.
    """
    # 1. A run that outsiders can start gets only grants that allow such runs: pull_request_target and its kind run with
    #    the identity of the repository that they attack ("pwn requests").
    trigger = caller.identity.untrusted_trigger
    if trigger is not None and not grant.allow_untrusted_triggers:
        yield FailedCheck(claim=None, rule="allow_untrusted_triggers", expected=True, found=trigger)
    # 2. Every condition of the grant holds: to ignore one would admit other repositories, branches or people.
    holds = True
    for index in failed_conditions(grant.conditions, caller):
        holds = False
        yield _failed_condition(grant.conditions[index], caller)
    if not holds:
        return
    # 3. to 6. The grant gives something to this caller.
    gives = True
    for failed in chain(
        _unmatched(grant, caller), _expired(grant, caller), _missing_names(grant, caller), _unfilled(grant, caller)
    ):
        gives = False
        yield failed
    # 7. The grant gives all that was requested. If it gave less, a push would fail later, without a reason.
    if gives and scope:
        yield from _not_covered(grant, caller, scope)
    # 8. The grant is enforced, not only reported. Last, so that report mode shows what it would have given.
    if "report" in (grant.mode, caller.issuer.mode):
        yield FailedCheck(claim=None, rule="mode", expected="enforce", found="report")


def failed_conditions(conditions: Sequence[Condition], caller: Caller) -> Iterator[int]:
    """Yield the indexes of those of `conditions`, of a grant or a deny rule, that do not hold."""
    vocabulary, claims = caller.identity.vocabulary, caller.claims
    for index, condition in enumerate(conditions):
        if not condition.holds(condition.found(vocabulary, claims)):
            yield index


def _failed_condition(condition: Condition, caller: Caller) -> FailedCheck:
    found = condition.found(caller.identity.vocabulary, caller.claims)
    return FailedCheck(claim=condition.claim, rule=None, expected=condition.expected, found=found)


def _unmatched(grant: Grant, caller: Caller) -> Iterator[FailedCheck]:
    """3. The grant matches the claims that every grant for this provider must match.

    CircleCI signs forks' builds with the project's own identity, and only one claim says where the code came from.
    """
    for path in unmatched_claims(grant, caller.issuer.preset):
        yield FailedCheck(
            claim=path[0] if len(path) == 1 else [*path],
            rule="must_match",
            expected="matched by a condition of the grant",
            found=claim_at(caller.claims, path),
        )


def unmatched_claims(grant: Grant, preset: Preset) -> Iterator[ClaimPath]:
    """Yield the claims that every grant for `preset` must match and `grant` does not."""
    for path in sorted(preset.must_match):
        if not any(condition.singles_out(path, preset.vocabulary) for condition in grant.conditions):
            yield path


def _expired(grant: Grant, caller: Caller) -> Iterator[FailedCheck]:
    """4. The grant's last day is not over: temporary access that no one removes must still end."""
    if grant.has_expired(caller.now):
        yield FailedCheck(claim=None, rule="expires", expected=grant.expires, found=None)


def _missing_names(grant: Grant, caller: Caller) -> Iterator[FailedCheck]:
    """5. The tags and source identity can be filled in: CloudTrail must not show a placeholder for a name."""
    for rule, template in () if grant.terms is None else grant.terms.text_templates:
        name = missing_name(template, caller.identity.vocabulary)
        if name is not None:
            yield FailedCheck(claim=name, rule=rule, expected={"exists": True}, found=None)


def _unfilled(grant: Grant, caller: Caller) -> Iterator[FailedCheck]:
    """6. The repositories can be filled in: a value with `*` or `/` in it would reach other repositories."""
    try:
        _whole_reach(grant, caller)
    except DoesNotFit as error:
        found = caller.identity.vocabulary.get(error.name)
        yield FailedCheck(claim=error.name, rule="repositories", expected=error.expected, found=found)


def _not_covered(grant: Grant, caller: Caller, scope: Sequence[RepositoryScope]) -> Iterator[FailedCheck]:
    try:
        awarded_reach(grant, caller, scope)
    except ScopeNotCovered:
        whole = _whole_reach(grant, caller) if isinstance(grant.registry, EcrRegistry) else None
        expected = "no scope, because a scope cannot narrow this login" if whole is None else whole.scope
        yield FailedCheck(claim=None, rule="scope", expected=expected, found=scope_text(scope))


def awarded_reach(grant: Grant, caller: Caller, scope: Sequence[RepositoryScope]) -> Reach | None:
    """Return the reach of the login that `grant` gives to `caller`; None for a stored login, which has no limits.

    Raises:
        DoesNotFit, ScopeNotCovered: the grant does not win, as `failed_checks` says.
    """
    whole = _whole_reach(grant, caller)
    if not scope:
        return whole
    # A scope narrows only private ECR: neither a stored login nor a login to ECR Public can be limited to it.
    if whole is None or not isinstance(grant.registry, EcrRegistry):
        raise ScopeNotCovered
    return narrowed(whole, scope)


def _whole_reach(grant: Grant, caller: Caller) -> Reach | None:
    if grant.terms is None:
        return None
    return reach_of(grant.terms, caller.issuer.preset, caller.identity.vocabulary)
