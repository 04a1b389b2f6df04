"""Trust policies as the providers' tutorials have them, and what IAM and the imported policy make of a token."""

import json
from pathlib import Path

from sandbox.aws.policies import AuthorizationRequest, Decision
from sandbox.aws.policy_grammar import parse_policy
from tests.ci_claims import NOON, caller_of
from tests.cli.program import Printed, run
from tests.cli.trust_import.aws_keys import keys_of
from tests.loading.documents import Document, load
from token_exchange.core.decision import AccessRequest, Granted, decide
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Refused

GITHUB = "token.actions.githubusercontent.com"
AUDIENCE = "https://ecr.nordlicht.example"
ACCOUNT = "210987654321"


def provider(address: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{address}"


def statement(condition: Json, *, address: str = GITHUB, **changes: Json) -> Document:
    whole: Document = {
        "Effect": "Allow",
        "Principal": {"Federated": provider(address)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def trust(*statements: Json) -> Document:
    return {"Version": "2012-10-17", "Statement": [*statements]}


def of_sub(*subjects: str, address: str = GITHUB, operator: str = "StringLike") -> Document:
    """Return a trust policy for our audience and `subjects`."""
    aud: Json = {f"{address}:aud": AUDIENCE}
    if operator == "StringEquals":
        return trust(
            statement({"StringEquals": {f"{address}:aud": AUDIENCE, f"{address}:sub": [*subjects]}}, address=address)
        )
    return trust(statement({"StringEquals": aud, operator: {f"{address}:sub": [*subjects]}}, address=address))


def imported(folder: Path, found: Json, *options: str) -> Printed:
    path = folder / "trust.json"
    path.write_text(json.dumps(found))
    return run("policy", "import", path, *options)


def policy_of(folder: Path, found: Json, *options: str) -> Document:
    """Return the policy that is made of `found`, which loads."""
    done = imported(folder, found, "--json", *options)
    assert done.status == 0, done.err
    load(done.fields)
    return done.fields


def grants_of(policy: Document) -> list[Document]:
    found = policy["grants"]
    assert isinstance(found, list)
    return [grant for grant in found if isinstance(grant, dict)]


def admits(policy: Document | Policy, claims: dict[str, Json], *, issuer: str | None = None) -> bool:
    """Tell whether the imported policy grants a run with `claims` anything."""
    loaded = policy if isinstance(policy, Policy) else load(policy)
    entry = issuer or next(iter(loaded.issuers))
    if claims["aud"] not in loaded.issuers[entry].trust.audiences:
        return False
    try:
        caller = caller_of(loaded, entry, claims, now=NOON)
        return isinstance(decide(loaded, caller, AccessRequest(registries=(), grant=None, scope=())), Granted)
    except Refused:
        return False


def iam_admits(document: Document, claims: dict[str, Json], *, address: str = GITHUB, every_key: bool = False) -> bool:
    """Tell whether IAM lets the token assume the role, with `every_key` as if each claim had a condition key."""
    if address == "accounts.google.com":
        # IAM's aud is the authorized party there, where a token has one.
        claims = {**claims, "oaud": claims["aud"], "aud": claims.get("azp", claims["aud"])}
    known = claims.keys() if every_key else keys_of(address)
    keys = {
        f"{address}:{claim}".lower(): [value]
        for claim, value in claims.items()
        if isinstance(value, str) and claim in known
    }
    ask = AuthorizationRequest(action="sts:AssumeRoleWithWebIdentity", resource="role", context=keys)
    said = parse_policy(json.dumps(document), kind="trust").evaluate(ask, principals=[provider(address)])
    return said is Decision.ALLOW
