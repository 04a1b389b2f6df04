"""Harness: one issuer for each account.

Source: Harness documentation, "Configure OIDC with AWS connectors"; its OpenAPI description. Neither a real token nor a
list of claims by Harness was available, so compare a real token with this preset before you rely on it.

Anyone with an API key that has this permission can request a token with claims of their choice. So only the account is
proven, which is part of the issuer; everything else is declared. `organization_id` and `project_id` are parts of an
account, and a pipeline's identifier is unique only within both.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.sources import Claim, Constant
from token_exchange.core.vocabulary import Name, Source
from token_exchange.presets.provider import Provider, Settings, slug_setting, tenant_of

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "pipeline_id": Claim(("pipeline_id",)),
    "environment": Claim(("environment_id",)),
    "actor": Claim(("triggered_by_email",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = dict.fromkeys(
    (
        "account_id",
        "connector_id",
        "connector_name",
        "context",
        "environment_id",
        "environment_type",
        "organization_id",
        "pipeline_id",
        "project_id",
        "service_id",
        "service_name",
        "stage_type",
        "step_type",
        "triggered_by_email",
        "triggered_by_name",
    ),
    "text",
)


def _preset(settings: Settings, issuer: str | None) -> Preset:
    account, url = tenant_of(
        settings, issuer, key="account", form="https://app.harness.io/ng/api/oidc/account/{}", check=slug_setting
    )
    return Preset(
        provider="harness",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=2 * 3600,
        vocabulary={"organization": Constant(account), "organization_id": Constant(account), **_VOCABULARY},
        required=frozenset({("organization_id",), ("project_id",), ("pipeline_id",)}),
        required_values={("account_id",): (account,)},
        claims=_CLAIMS,
        public_claims=frozenset({("environment_id",), ("environment_type",), ("stage_type",), ("step_type",)}),
        other_claims="any",
        proven=frozenset({"organization", "organization_id"}),
        declared=frozenset((name,) for name in _CLAIMS),
        # No claim says what started a pipeline, and a declared one would prove nothing.
        untrusted_trigger=lambda _claims: None,
        ignores_case=False,
        shared_audience=lambda _audience: False,
        minted="on-request",
    )


PROVIDER: Final = Provider(name="harness", settings=frozenset({"account"}), preset=_preset)
