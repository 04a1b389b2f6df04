"""Gitea Actions: one issuer for each instance.

Source: go-gitea/gitea, pull request 39052 at commit 62ce0612, services/actions/oidc.go. No release had this feature
when this was written, so compare a real token with this preset before you rely on it. Tokens of an earlier draft
(1d77e1cc) are accepted too: they have the required claims. `aud` is a list, and `sub` consists of ids.

No token says whether a ref is protected: the earlier draft always sent `false`, the later one leaves the claim out.
`job_id` is the job's key in the workflow. Only jobs of a reusable workflow have `job_workflow_ref`, so `workflow_ref`
is that of the workflow that was started.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.presets.github_family import (
    CLAIMS,
    PUBLIC_CLAIMS,
    VOCABULARY,
    is_owners_address,
    untrusted_event,
)
from token_exchange.presets.provider import Provider, Settings, server_setting, tenant_of

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    **CLAIMS,
    **dict.fromkeys(
        (
            "job_id",
            "job_workflow_ref",
            "job_workflow_repository",
            "job_workflow_repository_id",
            "job_workflow_sha",
            "repository_visibility",
            "runner_environment",
            "workflow_repository",
            "workflow_repository_id",
            "workflow_sha",
        ),
        "text",
    ),
}


def _preset(settings: Settings, issuer: str | None) -> Preset:
    server, url = tenant_of(settings, issuer, key="host", form="https://{}/api/actions/oidc", check=server_setting)
    return Preset(
        provider="gitea",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary=VOCABULARY,
        required=frozenset({("event_name",), ("repository_id",), ("repository_owner_id",), ("run_id",)}),
        claims=_CLAIMS,
        public_claims=PUBLIC_CLAIMS | {("repository_visibility",), ("runner_environment",)},
        other_claims="any",
        # A workflow's name is a free string in a file of the repository.
        proven=frozenset(VOCABULARY) - {"workflow"},
        untrusted_trigger=untrusted_event,
        triggers=frozenset({("event_name",)}),
        job_controlled_claims=frozenset({("job_id",), ("workflow",)}),
        ignores_case=True,
        shared_audience=lambda audience: is_owners_address(server, audience),
        minted="on-request",
    )


PROVIDER: Final = Provider(name="gitea", settings=frozenset({"host"}), preset=_preset)
