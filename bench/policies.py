"""Policies of any size: each repository has its own grant, and the requested one has the last."""

from collections.abc import Mapping
from typing import Final

from sandbox.account import APPS_ACCOUNT, PUSH_ROLE, REGION
from sandbox.providers import all_providers
from token_exchange.core.evaluate import Caller
from token_exchange.core.identity import identify
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json

AUDIENCE: Final = "https://exchange.acme.example"
_NOW: Final = 1_800_000_000
_PROVIDER: Final = all_providers()["github-actions"]


def policy_of(grants: int) -> dict[str, Json]:
    """Return a policy with so many grants, as a document."""
    issuer: Json = {
        "provider": "github-actions",
        "audience": AUDIENCE,
        "organizations": [{"name": "acme", "id": "7001"}],
    }
    names = [*(f"acme/service-{number}" for number in range(grants - 1)), "acme/shop"]
    return {
        "version": 1,
        "issuers": {"github": issuer},
        "registries": {"apps": {"type": "ecr", "account": APPS_ACCOUNT, "region": REGION}},
        "grants": [_grant(name) for name in names],
    }


def _grant(repository: str) -> Json:
    return {
        "name": repository.replace("/", "-"),
        "issuers": ["github"],
        "match": {"repository": repository, "branch": "main"},
        "registry": "apps",
        "role": PUSH_ROLE,
        "access": "push",
        "repositories": [f"ci/{repository}"],
    }


def claims_of(issuer: str, *, now: int, changes: Mapping[str, Json]) -> dict[str, Json]:
    """Return the claims of a push to main of acme/shop, made at `now`, with some changed."""
    claims = _PROVIDER.claims(issuer, scenario=None, changes=changes)
    return {**claims, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 300, "jti": "7f6e5d"}


def caller_of(policy: Policy, changes: Mapping[str, Json]) -> Caller:
    """Return the run whose token holds these claims, as it is once the token is verified."""
    issuer = policy.issuers["github"]
    claims = claims_of(issuer.trust.url, now=_NOW, changes=changes)
    return Caller(issuer=issuer, identity=identify(issuer.preset, claims), claims=claims, now=float(_NOW))
