"""Decisions on small policies, for tests that read as stories."""

from typing import TypedDict, Unpack

from tests.ci_claims import NOON, caller_of, github_claims
from tests.loading.documents import Document, load
from token_exchange.core.decision import AccessRequest, Award, Decision, Denied, Granted, ReportOnlyAward, decide
from token_exchange.core.evaluate import Caller, Considered
from token_exchange.core.policy import Grant, Policy, SessionTerms
from token_exchange.core.ports import Json
from token_exchange.core.reach import Reach, RepositoryPattern, RepositoryScope, parse_repository_name
from token_exchange.core.refusals import Reason
from token_exchange.reporting.disclosure import Nearest, nearest_grants


class Asking(TypedDict, total=False):
    """What a decision depends on besides the policy and the claims."""

    issuer: str
    registries: tuple[str, ...]
    grant_name: str | None
    scope: tuple[RepositoryScope, ...]
    now: float


def asked(
    found: Document,
    claims: dict[str, Json] | None = None,
    *,
    issuer: str = "github",
    registries: tuple[str, ...] = (),
    grant_name: str | None = None,
    scope: tuple[RepositoryScope, ...] = (),
    now: float = NOON,
) -> tuple[Policy, Caller, AccessRequest]:
    """Return a policy, a caller and what they ask for."""
    policy = load(found)
    caller = caller_of(policy, issuer, github_claims() if claims is None else claims, now=now)
    return policy, caller, AccessRequest(registries=registries, grant=grant_name, scope=scope)


def decided(found: Document, claims: dict[str, Json] | None = None, **more: Unpack[Asking]) -> Decision:
    return decide(*asked(found, claims, **more))


def nearest(found: Document, claims: dict[str, Json] | None = None, **more: Unpack[Asking]) -> Nearest:
    """Return the grants that came nearest, for a decision that was denied."""
    assert isinstance(decided(found, claims, **more), Denied)
    return nearest_grants(*asked(found, claims, **more))


def granted(decision: Decision) -> Granted:
    assert isinstance(decision, Granted)
    return decision


def reach(of: Award | ReportOnlyAward) -> Reach:
    """Return the reach of a login that a session bounds."""
    assert of.reach is not None
    return of.reach


def terms(grant: Grant) -> SessionTerms:
    """Return the terms of a grant whose login a session makes."""
    assert grant.terms is not None
    return grant.terms


def denied(decision: Decision, reason: Reason) -> Denied:
    """Return the refusal, which is for `reason`, and awards nothing."""
    assert isinstance(decision, Denied)
    assert decision.reason is reason
    return decision


def winners(decision: Decision) -> list[str]:
    return [award.grant.name for award in granted(decision).awards]


def names(considered: tuple[Considered, ...]) -> list[str]:
    return [one.grant.name for one in considered]


def patterns(*texts: str) -> tuple[RepositoryPattern, ...]:
    return tuple(RepositoryPattern(text) for text in texts)


def wants(*repositories: str, push: bool = False) -> tuple[RepositoryScope, ...]:
    return tuple(RepositoryScope(name=parse_repository_name(name), push=push) for name in repositories)
