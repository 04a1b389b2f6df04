"""Gitea Actions on a self-hosted server.

Source: go-gitea/gitea, services/actions/oidc.go of a draft of 2026.
"""

from typing import Final

from sandbox.providers.github_family import RUNS, family_claims
from sandbox.providers.shape import Claims, Entry, Provider, Shown, sample_of


def _derive(claims: Claims, _issuer: str) -> Claims:
    workflow_of = {"workflow_repository": claims["repository"], "workflow_repository_id": claims["repository_id"]}
    found = family_claims(claims, workflow=".gitea/workflows/images.yml", id_mark=None)
    subject = f"repo:{claims['repository_owner_id']}/{claims['repository_id']}"
    tail = "pull_request" if str(claims["event_name"]).startswith("pull_request") else f"ref:{claims['ref']}"
    return {**found, **workflow_of, "workflow_sha": claims["sha"], "sub": f"{subject}:{tail}"}


PROVIDER: Final = Provider(
    name="gitea",
    audience_is_list=True,
    issuer_path="/gitea/api/actions/oidc",
    keys_path="/jwks",
    algorithm="RS256",
    lifetime_seconds=300,
    not_before_seconds=0,
    scenarios={
        **RUNS,
        "reusable-workflow": {
            name: value for name, value in sample_of("gitea").sometimes.items() if name.startswith("job_workflow")
        },
        "other-owner": {"repository": "globex/shop", "repository_id": "902", "repository_owner_id": "92"},
    },
    derive=_derive,
    entry=Entry(
        name="gitea",
        keys="""\
issuer: $issuer
organizations: [{name: acme, id: "41"}]
""",
        grant="""\
match: {branch: main}
repositories: ["gitea/{repository}", "gitea/{repository}/*"]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("repository", "ref", "event_name"),
        pushes=("gitea/acme/shop", "gitea/acme/shop/*"),
        refused="pull-request",
        reason="untrusted-trigger",
    ),
)
