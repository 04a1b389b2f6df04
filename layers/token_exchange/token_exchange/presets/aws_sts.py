"""AWS: an IAM role, for example that of a CodeBuild project, which requests a token about itself from STS.

Source: IAM User Guide, "Understanding token claims"; STS API Reference, GetWebIdentityToken. Each account that enables
this has its own issuer. No claim names a project, a repository or a branch: a job is identified by its role, so each
project needs its own. A role that is deleted and created again has the same ARN.
"""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.sources import Claim
from token_exchange.core.vocabulary import ClaimPath, Name, Source
from token_exchange.presets.provider import BadSetting, Provider, Settings

_ISSUER: Final = re.compile(r"https://[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.tokens\.sts\.global\.api\.aws", re.ASCII)
_STS: Final = "https://sts.amazonaws.com/"

_VOCABULARY: Final[Mapping[Name, Source]] = {
    # Only accounts in an AWS organization have it.
    "organization": Claim((_STS, "org_id")),
    "organization_id": Claim((_STS, "aws_account")),
    "actor": Claim(("sub",)),
    "actor_id": Claim(("sub",)),
}

_NESTED: Final[Mapping[ClaimPath, ClaimType]] = {
    **dict.fromkeys(
        (
            (_STS, "aws_account"),
            (_STS, "ec2_instance_source_private_ipv4"),
            (_STS, "ec2_instance_source_vpc"),
            (_STS, "ec2_source_instance_arn"),
            (_STS, "federated_provider"),
            (_STS, "identity_store_arn"),
            (_STS, "identity_store_user_id"),
            (_STS, "lambda_source_function_arn"),
            (_STS, "org_id"),
            (_STS, "original_session_exp"),
            (_STS, "ou_path"),
            (_STS, "source_identity"),
            (_STS, "source_region"),
        ),
        "text",
    ),
    # The types of these two are not documented.
    (_STS, "ec2_role_delivery"): "any",
    (_STS, "glue_credential_issuing_service"): "any",
    # The tags of the role, and those of the session, which anyone who can tag the session chooses.
    (_STS, "principal_tags"): "object",
    (_STS, "request_tags"): "object",
}


def _preset(_settings: Settings, issuer: str | None) -> Preset:
    if issuer is None:
        raise BadSetting("issuer", "missing; each account has its own issuer, https://ID.tokens.sts.global.api.aws")
    if not _ISSUER.fullmatch(issuer):
        raise BadSetting("issuer", "expected https://ID.tokens.sts.global.api.aws, as IAM shows it for the account")
    return Preset(
        provider="aws-sts",
        issuer=issuer,
        algorithms=("RS256", "ES384"),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        required=frozenset({(_STS, "aws_account")}),
        claims={_STS: "object"},
        public_claims=frozenset({(_STS, "original_session_exp"), (_STS, "source_region")}),
        nested_claims=_NESTED,
        other_claims="any",
        proven=frozenset(_VOCABULARY),
        declared=frozenset({(_STS, "request_tags")}),
        untrusted_trigger=lambda _claims: None,
        job_controlled_claims=frozenset({(_STS, "request_tags")}),
        ignores_case=False,
        # sts.amazonaws.com counts as shared for every provider; here the caller has to name an audience.
        shared_audience=lambda _audience: False,
        minted="on-request",
    )


PROVIDER: Final = Provider(
    name="aws-sts",
    preset=_preset,
)
