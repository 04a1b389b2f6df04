"""Who may assume a role with a CI system's own token: whoever has one, with or without the service.

Source: IAM User Guide, "Create a role for OpenID Connect federation"; IAM condition keys of AWS web identity
federation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.core.policy import Issuer
from token_exchange.core.ports import Json
from token_exchange_cli.roles.arns import RoleArn
from token_exchange_cli.roles.rights import GrantInUse
from token_exchange_cli.roles.subjects import NoSubject, subject_patterns

_GOOGLE: Final = "accounts.google.com"
"""The one issuer that IAM knows by itself; there `aud` is the service account, and `oaud` the audience."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbounded(Exception):
    """A grant whose role would trust strangers; `missing` says what to write."""

    grant: str
    issuer: str
    missing: str


def direct_trust(role: RoleArn, grants: Sequence[GrantInUse]) -> list[Json]:
    """Return the statements that let runs of `grants` assume `role` themselves, one for each issuer.

    Raises:
        Unbounded: nothing says whose runs these are.
    """
    subjects: dict[str, set[str]] = {}
    issuers: dict[str, Issuer] = {}
    for one in grants:
        for issuer in one.issuers:
            try:
                patterns = subject_patterns(one.grant, issuer)
            except NoSubject as error:
                raise Unbounded(grant=one.grant.name, issuer=issuer.name, missing=str(error)) from error
            subjects.setdefault(issuer.name, set()).update(patterns)
            issuers[issuer.name] = issuer
    return [
        _statement(role, issuer, sorted(subjects[name]), number=number)
        for number, (name, issuer) in enumerate(issuers.items(), start=1)
    ]


def provider_address(issuer: Issuer) -> str:
    """Return the name under which IAM knows an issuer: its URL without the scheme."""
    return issuer.trust.url.removeprefix("https://")


def _statement(role: RoleArn, issuer: Issuer, patterns: list[str], *, number: int) -> Json:
    address = provider_address(issuer)
    is_google = address == _GOOGLE
    audiences = sorted(issuer.trust.audiences)
    return {
        "Sid": "AssumeDirectly" if number == 1 else f"AssumeDirectly{number}",
        "Effect": "Allow",
        "Principal": {
            "Federated": _GOOGLE if is_google else f"arn:{role.partition}:iam::{role.account}:oidc-provider/{address}"
        },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{address}:{'oaud' if is_google else 'aud'}": [*audiences]},
            "StringLike": {f"{address}:sub": [*patterns]},
        },
    }
