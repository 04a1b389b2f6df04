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

LOGIN_ACTIONS: Final = ("ecr:GetAuthorizationToken",)
PULL_ACTIONS: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PUSH_ACTIONS: Final = (
    *PULL_ACTIONS,
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)
"""Nothing that deletes, tags or configures."""

LIST_ACTIONS: Final = ("ecr:ListImages",)
IMPORT_ACTIONS: Final = ("ecr:BatchImportUpstreamImage", "ecr:CreateRepository")
SIGN_ACTIONS: Final = ("signer:SignPayload",)

PUBLIC_LOGIN_ACTIONS: Final = ("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken")
PUBLIC_PUSH_ACTIONS: Final = (
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
    statements = [_allow([*LOGIN_ACTIONS], ["*"], None)]
    actions = [*(PUSH_ACTIONS if reach.access == "push" else PULL_ACTIONS)]
    if reach.also.list:
        actions += LIST_ACTIONS
    if reach.also.import_:
        actions += IMPORT_ACTIONS
    arns = [registry.repository_arn(pattern) for pattern in reach.repositories]
    statements.append(_allow(actions, arns, condition))
    if reach.also_pull:
        arns = [registry.repository_arn(pattern) for pattern in reach.also_pull]
        statements.append(_allow([*PULL_ACTIONS], arns, condition))
    if reach.also.sign is not None:
        statements.append(_allow([*SIGN_ACTIONS], [reach.also.sign], condition))
    return statements


def _public(registry: EcrPublicRegistry, reach: Reach, condition: Json) -> list[Json]:
    statements = [_allow([*PUBLIC_LOGIN_ACTIONS], ["*"], None)]
    if reach.access == "push":
        arns = [registry.repository_arn(pattern) for pattern in reach.repositories]
        statements.append(_allow([*PUBLIC_PUSH_ACTIONS], arns, condition))
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
