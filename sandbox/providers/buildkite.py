"""Buildkite, asked for the ids of organization and pipeline too.

Source: Buildkite documentation, "buildkite-agent oidc".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_PIPELINE: Final = "01981c7e-5b2d-7f60-93a8-d4e1b07c92f5"


def _derive(claims: Claims, _issuer: str) -> Claims:
    ref = f"refs/tags/{claims['build_tag']}" if claims["build_tag"] else f"refs/heads/{claims['build_branch']}"
    organization, pipeline = claims["organization_slug"], claims["pipeline_slug"]
    commit, step = claims["build_commit"], claims["step_key"] or ""
    return {"sub": f"organization:{organization}:pipeline:{pipeline}:ref:{ref}:commit:{commit}:step:{step}"}


PROVIDER: Final = Provider(
    name="buildkite",
    fixed_issuer="https://agent.buildkite.com",
    issuer_path="/buildkite",
    keys_path="/.well-known/jwks",
    algorithm="RS256",
    lifetime_seconds=300,
    not_before_seconds=0,
    scenarios={
        "push-main": {},
        "push-feature": {"build_branch": "feature/cart"},
        # A tag's build has its name as the branch too.
        "tag-called-main": {"build_branch": "main", "build_tag": "main"},
        # What a step gets that does not ask for the ids.
        "default-claims": {"organization_id": None, "pipeline_id": None},
        "other-organization": {
            "organization_slug": "globex",
            "organization_id": "0190ffee-1111-7222-8333-444455556666",
            "pipeline_id": "0190ffee-7777-7888-9999-aaaabbbbcccc",
        },
    },
    derive=_derive,
    entry=Entry(
        name="buildkite",
        keys="""\
organizations: [{name: acme, id: "01981c7a-0d4e-7b13-8f52-6a9c3e71d804"}]
""",
        grant="""\
match: {branch: main}
repositories: ["buildkite/{pipeline_id}", "buildkite/{pipeline_id}/*"]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("pipeline_slug", "build_branch", "build_source"),
        pushes=(f"buildkite/{_PIPELINE}", f"buildkite/{_PIPELINE}/*"),
        refused="push-feature",
        reason="no-matching-grant",
    ),
)
