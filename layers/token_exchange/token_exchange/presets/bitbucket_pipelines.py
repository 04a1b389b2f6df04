"""Bitbucket Pipelines: one issuer for each workspace.

Source: Bitbucket Cloud documentation, "Integrate Pipelines with resource servers using OIDC". Every claim except the
times is a string, and every UUID is in braces. `sub` contains the step's UUID, which changes with each run.

Not documented: which `branchName` the pipeline of a pull request or a tag has, if any. So it can be matched, but it
fills no push template. Use a deployment environment that Bitbucket restricts to a branch instead.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.sources import BracedUuid, Claim, Constant
from token_exchange.core.vocabulary import ClaimPath, Name, Source
from token_exchange.presets.provider import Provider, Settings, slug_setting, tenant_of

_FORM: Final = "https://api.bitbucket.org/2.0/workspaces/{}/pipelines-config/identity/oidc"

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization_id": BracedUuid(("workspaceUuid",)),
    "repository_id": BracedUuid(("repositoryUuid",)),
    "branch": Claim(("branchName",)),
    "environment": BracedUuid(("deploymentEnvironmentUuid",)),
    "run_id": BracedUuid(("pipelineUuid",)),
    "job_id": BracedUuid(("stepUuid",)),
}

_UUIDS: Final[frozenset[ClaimPath]] = frozenset(
    {
        ("accountUuid",),
        ("deploymentEnvironmentUuid",),
        ("pipelineUuid",),
        ("repositoryUuid",),
        ("stepUuid",),
        ("workspaceUuid",),
    }
)

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    **dict.fromkeys((path[0] for path in _UUIDS), "text"),
    "branchName": "text",
    # Listed in the discovery document, without a description.
    "compliant": "any",
    # An environment's name, in older tokens.
    "deploymentEnvironment": "text",
}


def _no_trigger_is_known(_claims: Mapping[str, Json]) -> str | None:
    # No claim says what started a run. The pipelines of forks are not documented; they should run in the fork's own
    # workspace, which has its own issuer.
    return None


def _preset(settings: Settings, issuer: str | None) -> Preset:
    workspace, url = tenant_of(settings, issuer, key="workspace", form=_FORM, check=slug_setting)
    return Preset(
        provider="bitbucket-pipelines",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=2 * 3600,
        vocabulary={"organization": Constant(workspace), **_VOCABULARY},
        required=frozenset({("workspaceUuid",), ("repositoryUuid",), ("stepUuid",)}),
        claims=_CLAIMS,
        public_claims=frozenset({("branchName",), ("deploymentEnvironment",), ("deploymentEnvironmentUuid",)}),
        other_claims="any",
        braced_uuids=_UUIDS,
        proven=frozenset(_VOCABULARY) - {"branch"} | {"organization"},
        untrusted_trigger=_no_trigger_is_known,
        # The workspace is part of the issuer, which is compared byte for byte.
        ignores_case=False,
        # The default for a step that names no audience: ari:cloud:bitbucket::workspace/UUID.
        shared_audience=lambda audience: audience.startswith("ari:cloud:bitbucket:"),
        minted="once-per-job",
    )


PROVIDER: Final = Provider(
    name="bitbucket-pipelines",
    settings=frozenset({"workspace"}),
    preset=_preset,
)
