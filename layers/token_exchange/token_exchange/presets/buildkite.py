"""Buildkite: one issuer for all customers.

Source: Buildkite documentation, "buildkite-agent oidc" and "OIDC with Buildkite". The ids of organization and pipeline
are sent only if the job requests them. They are required here, since a slug that is given up can be registered by
someone else. The job can choose which id `sub` is, so it is not used.

No claim reveals a fork's build. Such builds are off unless a pipeline's settings turn them on. A fork's main then has
`build_branch` main, unless the settings prefix it with the user.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.sources import Claim, ClaimUnless
from token_exchange.core.vocabulary import Name, Source
from token_exchange.presets.provider import Provider, Settings, fixed_issuer

_ISSUER: Final = "https://agent.buildkite.com"

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim(("organization_slug",)),
    "organization_id": Claim(("organization_id",)),
    "pipeline": Claim(("pipeline_slug",)),
    "pipeline_id": Claim(("pipeline_id",)),
    # In a tag's build both claims have the tag, which may be called main.
    "branch": ClaimUnless(("build_branch",), unless=("build_tag",)),
    "tag": Claim(("build_tag",)),
    "event": Claim(("build_source",)),
    "run_id": Claim(("build_number",)),
    "job_id": Claim(("job_id",)),
    "sha": Claim(("build_commit",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    **dict.fromkeys(
        (
            "agent_id",
            "build_branch",
            "build_commit",
            "build_id",
            "build_source",
            "build_tag",
            "cluster_id",
            "cluster_name",
            "job_id",
            "organization_id",
            "organization_slug",
            "pipeline_id",
            "pipeline_slug",
            "queue_id",
            "queue_key",
            "runner_environment",
            "step_key",
        ),
        "text",
    ),
    "build_number": "number",
    "https://aws.amazon.com/tags": "object",
}


def _shared_audience(audience: str) -> bool:
    # The default for a job that names no audience: https://buildkite.com/ORGANIZATION.
    organization = audience.removeprefix("https://buildkite.com/")
    return organization != audience and "/" not in organization


def _preset(_settings: Settings, issuer: str | None) -> Preset:
    return Preset(
        provider="buildkite",
        issuer=fixed_issuer(issuer, _ISSUER),
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        required=frozenset({("organization_id",), ("pipeline_id",)}),
        claims=_CLAIMS,
        public_claims=frozenset({("build_branch",), ("build_source",), ("build_tag",), ("runner_environment",)}),
        custom_claim_prefixes=("agent_tag:",),
        other_claims="any",
        # Anyone who creates a build through the API chooses its branch, tag and commit.
        proven=frozenset({"organization", "organization_id", "pipeline", "pipeline_id", "event", "run_id", "job_id"}),
        untrusted_trigger=lambda _claims: None,
        # The agent's --subject-claim chooses sub.
        job_controlled_claims=frozenset({("step_key",), ("sub",)}),
        named_in_sub=frozenset({"organization", "pipeline"}),
        ignores_case=False,
        shared_audience=_shared_audience,
        minted="on-request",
    )


PROVIDER: Final = Provider(name="buildkite", preset=_preset)
