"""The session policy: what the assumed role may do for this one login, and until when.

Source: IAM User Guide, "Session policies"; ECR User Guide, "Actions defined by Amazon ECR"; ECR Public User Guide,
"Identity-based policies"; STS API Reference, AssumeRole (Policy).
"""

import json
from datetime import UTC, datetime
from typing import Final, assert_never

from token_exchange.policy.reach import Reach
from token_exchange.policy.registries import EcrPublicRegistry, EcrRegistry, Registry, SecretRegistry
from token_exchange.ports import Json
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused

MAX_SESSION_POLICY_CHARACTERS: Final = 2048

_PULL: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_PUSH: Final = (
    *_PULL,
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)
"""Nothing that deletes, tags or configures."""

_PUBLIC_PUSH: Final = (
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:InitiateLayerUpload",
    "ecr-public:UploadLayerPart",
    "ecr-public:CompleteLayerUpload",
    "ecr-public:PutImage",
)
"""Pulling needs no right there: everybody may."""


def session_policy(registry: Registry, reach: Reach, *, until: int) -> str:
    """Return the policy document, minified: `reach` in `registry`, and nothing from the second `until` on.

    Raises:
        Refused: `misconfigured` where it is longer than STS takes. Nothing is ever left out or widened to make it fit.
    """
    condition: Json = {"DateLessThan": {"aws:CurrentTime": utc_second(until)}}
    match registry:
        case EcrRegistry():
            statements = _private(registry, reach, condition)
        case EcrPublicRegistry():
            statements = _public(registry, reach, condition)
        case SecretRegistry():
            raise AssertionError("a stored login is made by no session")
        case _:
            assert_never(registry)
    document = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    if len(document) > MAX_SESSION_POLICY_CHARACTERS:
        raise Refused(
            Reason.MISCONFIGURED,
            f"the session policy would have {len(document)} characters, and STS takes "
            f"{MAX_SESSION_POLICY_CHARACTERS}: the grant has too many repositories, or too long ones",
        )
    return document


def _private(registry: EcrRegistry, reach: Reach, condition: Json) -> list[Json]:
    statements = [_allow(["ecr:GetAuthorizationToken"], ["*"], None)]
    actions = [*(_PUSH if reach.access == "push" else _PULL)]
    if reach.also.list:
        actions.append("ecr:ListImages")
    if reach.also.import_:
        actions += ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]
    arns = [registry.repository_arn(pattern) for pattern in reach.repositories]
    statements.append(_allow(actions, arns, condition))
    if reach.also_pull:
        arns = [registry.repository_arn(pattern) for pattern in reach.also_pull]
        statements.append(_allow([*_PULL], arns, condition))
    if reach.also.sign is not None:
        statements.append(_allow(["signer:SignPayload"], [reach.also.sign], condition))
    return statements


def _public(registry: EcrPublicRegistry, reach: Reach, condition: Json) -> list[Json]:
    statements = [_allow(["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"], ["*"], None)]
    if reach.access == "push":
        arns = [registry.repository_arn(pattern) for pattern in reach.repositories]
        statements.append(_allow([*_PUBLIC_PUSH], arns, condition))
    return statements


def utc_second(seconds: int) -> str:
    """Return a time in seconds since the epoch in RFC 3339, as IAM compares it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _allow(actions: list[str], resources: list[str], condition: Json) -> Json:
    statement: dict[str, Json] = {"Effect": "Allow", "Action": _one_or_all(actions), "Resource": _one_or_all(resources)}
    return statement if condition is None else {**statement, "Condition": condition}


def _one_or_all(texts: list[str]) -> Json:
    """Return a list of one as its only text: four characters saved of those that STS counts."""
    return texts[0] if len(texts) == 1 else [*texts]
