"""HCP Terraform, also its European region, and Terraform Enterprise on the customer's own host.

Source: HashiCorp documentation, "Workload identity tokens" and "Dynamic provider credentials". Every claim except the
times is a string. `sub` consists of names, which may contain spaces.

A plan for a pull request runs the pull request's code, so only the phase `apply` counts as a run that outsiders cannot
start. Which claims the token of a Stack has besides `sub` is not documented, so it is refused.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim
from token_exchange.core.vocabulary import Name, Source
from token_exchange.presets.provider import Provider, Settings, host_setting, tenant_of

_HOST: Final = "app.terraform.io"

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim(("terraform_organization_name",)),
    "organization_id": Claim(("terraform_organization_id",)),
    "pipeline": Claim(("terraform_workspace_name",)),
    "pipeline_id": Claim(("terraform_workspace_id",)),
    "run_id": Claim(("terraform_run_id",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = dict.fromkeys(
    (
        "terraform_full_workspace",
        "terraform_organization_id",
        "terraform_organization_name",
        "terraform_project_id",
        "terraform_project_name",
        "terraform_run_id",
        "terraform_run_phase",
        "terraform_workspace_id",
        "terraform_workspace_name",
    ),
    "text",
)

_DEFAULT_AUDIENCES: Final = frozenset(
    {"api://AzureADTokenExchange", "aws.workload.identity", "vault.workload.identity"}
)
"""The default audiences of runs, for Azure, AWS and Vault."""


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    phase = claims.get("terraform_run_phase")
    return None if phase == "apply" else f"run phase {phase}"


def _preset(settings: Settings, issuer: str | None) -> Preset:
    if not settings and issuer is None:
        settings = {"host": _HOST}
    _, url = tenant_of(settings, issuer, key="host", form="https://{}", check=host_setting)
    return Preset(
        provider="hcp-terraform",
        issuer=url,
        algorithms=("RS256",),
        # A token is valid for as long as its phase may take.
        max_lifetime_seconds=24 * 3600,
        vocabulary=_VOCABULARY,
        required=frozenset(
            {("terraform_organization_id",), ("terraform_workspace_id",), ("terraform_run_id",)}
            | {("terraform_run_phase",)}
        ),
        claims=_CLAIMS,
        public_claims=frozenset({("terraform_run_phase",)}),
        other_claims="any",
        proven=frozenset(_VOCABULARY),
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({("terraform_run_phase",)}),
        named_in_sub=frozenset({"organization", "pipeline"}),
        ignores_case=False,
        shared_audience=lambda audience: audience in _DEFAULT_AUDIENCES,
        minted="once-per-job",
    )


PROVIDER: Final = Provider(name="hcp-terraform", settings=frozenset({"host"}), preset=_preset)
