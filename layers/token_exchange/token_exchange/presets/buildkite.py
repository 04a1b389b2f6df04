"""Buildkite: one issuer for all of its customers.

Source: Buildkite documentation, "buildkite-agent oidc" and "OIDC with Buildkite". The ids of organization and pipeline
are sent only where the job asks for them; their slugs can be given up and taken by a stranger, so the ids are required.
The job may choose which id `sub` is: nothing rests on it.

No claim tells a fork's build. They are off unless a pipeline's settings turn them on, and a fork's main is then
`build_branch` main, unless the settings put the user before it.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset, Provider, Settings
from token_exchange.core.sources import Claim, ClaimUnless
from token_exchange.core.vocabulary import Name, Source
from token_exchange.presets.issuer_url import fixed_issuer

_ISSUER: Final = "https://agent.buildkite.com"

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim(("organization_slug",)),
    "organization_id": Claim(("organization_id",)),
    "pipeline": Claim(("pipeline_slug",)),
    "pipeline_id": Claim(("pipeline_id",)),
    # A tag's build has the tag in both, and a tag may be called main.
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
    # What a job gets that names no audience: https://buildkite.com/ORGANIZATION.
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
        # Whoever creates a build through the API says for which branch, tag and commit.
        proven=frozenset({"organization", "organization_id", "pipeline", "pipeline_id", "event", "run_id", "job_id"}),
        untrusted_trigger=lambda _claims: None,
        # The agent's --subject-claim chooses what sub is.
        job_controlled_claims=frozenset({("step_key",), ("sub",)}),
        named_in_sub=frozenset({"organization", "pipeline"}),
        ignores_case=False,
        shared_audience=_shared_audience,
        minted="on-request",
        step_line=(
            "buildkite-agent oidc request-token --audience AUDIENCE --lifetime 300 --claim organization_id,pipeline_id"
        ),
    )


PROVIDER: Final = Provider(name="buildkite", preset=_preset)
