"""A trust policy for exactly one run of each CI system becomes a policy that admits this run."""

import json
from pathlib import Path

import pytest

from sandbox.providers import all_providers
from sandbox.providers.shape import Claims
from tests.ci_claims import NOON
from tests.cli.trust_import.trusts import AUDIENCE, admits, iam_admits, policy_of, statement, trust
from tests.loading.documents import Document
from token_exchange.core.ports import Json

PROVIDERS = all_providers()

# STS takes no token of its own, and for CircleCI a grant has to say where the code is from, which this sub does not.
REACHABLE = sorted(PROVIDERS.keys() - {"aws-sts", "circleci"})

UNKNOWN_ORGANIZATIONS = {"bitrise", "forgejo", "google"}
"""No part of the subject says them, or it does in two ways."""


def claims_of(name: str) -> Claims:
    provider = PROVIDERS[name]
    issuer = provider.fixed_issuer or f"https://ci.nordlicht.example{provider.issuer_path}"
    # Jenkins' jobs are on the host of its issuer.
    changes: Claims = {"sub": issuer.removesuffix("/oidc") + "/job/shop/job/main/"} if name == "jenkins" else {}
    whole = provider.claims(issuer, scenario=provider.shown.granted, changes=changes)
    return {**whole, "aud": provider.fixed_audience or AUDIENCE, "iat": int(NOON), "exp": int(NOON) + 300}


@pytest.mark.parametrize("name", REACHABLE)
def test_named_run_is_admitted(tmp_path: Path, name: str) -> None:
    claims = claims_of(name)
    address = str(claims["iss"]).removeprefix("https://")
    audience = "oaud" if name == "google" else "aud"
    asked: Json = {f"{address}:{audience}": claims["aud"], f"{address}:sub": claims["sub"]}
    document = trust(statement({"StringEquals": asked}, address=address))
    policy = policy_of(tmp_path, document)
    (entry,) = issuers_of(policy)
    assert entry["provider"] == name
    assert iam_admits(document, claims, address=address)
    if name in UNKNOWN_ORGANIZATIONS:
        assert not admits(policy, claims)
        policy = json.loads(json.dumps(policy).replace("replace-me", organization_of(name, claims)))
    assert admits(policy, claims)
    assert not admits(policy, {**claims, "sub": f"{claims['sub']}x"})


def issuers_of(policy: Document) -> list[Document]:
    issuers = policy["issuers"]
    assert isinstance(issuers, dict)
    return [entry for entry in issuers.values() if isinstance(entry, dict)]


def organization_of(name: str, claims: Claims) -> str:
    match name:
        case "bitrise":
            return str(claims["workspace_slug"])
        case "forgejo":
            return str(claims["repository_owner"])
        case _:
            return str(claims["email"]).partition("@")[2].partition(".")[0]
