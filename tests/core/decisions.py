"""Decisions on small policies, for tests that read as stories."""

from tests.ci_claims import NOON, caller_of, github_claims
from tests.loading.documents import Document, load
from token_exchange.core.decision import Award, Decision, Denied, Granted, Would, decide
from token_exchange.core.evaluate import Considered
from token_exchange.core.policy import Ask, Grant, RepositoryScope, SessionTerms
from token_exchange.core.ports import Json
from token_exchange.core.reach import Reach
from token_exchange.core.refusals import Reason


def decided(
    found: Document,
    claims: dict[str, Json] | None = None,
    *,
    issuer: str = "github",
    registries: tuple[str, ...] = (),
    grant_name: str | None = None,
    scope: tuple[RepositoryScope, ...] = (),
    now: float = NOON,
) -> Decision:
    policy = load(found)
    caller = caller_of(policy, issuer, github_claims() if claims is None else claims, now=now)
    return decide(policy, caller, Ask(registries=registries, grant=grant_name, scope=scope))


def granted(decision: Decision) -> Granted:
    assert isinstance(decision, Granted)
    return decision


def reach(of: Award | Would) -> Reach:
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


def wants(*repositories: str, push: bool = False) -> tuple[RepositoryScope, ...]:
    return tuple(RepositoryScope(name=name, push=push) for name in repositories)
