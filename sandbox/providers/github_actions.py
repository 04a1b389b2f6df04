"""GitHub Actions, in the form of GitHub Enterprise Server, whose issuer is on its own host.

Every claim but the times is text, numbers and booleans too.
Source: GitHub docs, "OpenID Connect reference".
"""

from typing import Final

from sandbox.providers.github_family import RUNS, family_claims
from sandbox.providers.shape import Claims, Entry, Provider, Shown


def _derive(claims: Claims, _issuer: str) -> Claims:
    found = family_claims(claims, workflow=".github/workflows/images.yml", id_mark=None)
    job = {"job_workflow_ref": found["workflow_ref"], "job_workflow_sha": claims["sha"]}
    return {**found, **job, "workflow_sha": claims["sha"]}


PROVIDER: Final = Provider(
    name="github-actions",
    issuer_path="/_services/token",
    keys_path="/.well-known/jwks",
    algorithm="RS256",
    lifetime_seconds=300,
    not_before_seconds=300,
    scenarios={
        **RUNS,
        "push-feature": {**RUNS["push-feature"], "ref_protected": "false"},
        "tag": {**RUNS["tag"], "ref_protected": "false"},
        "pull-request": {**RUNS["pull-request"], "ref_protected": "false"},
        "pull-request-target": {**RUNS["pull-request-target"], "actor": "stranger", "actor_id": "99009"},
        "release": {
            "ref": "refs/tags/v2.3.0",
            "ref_type": "tag",
            "ref_protected": "false",
            "event_name": "release",
            "environment": "production",
            "environment_node_id": "EN_kwDOABCDEF4AAAAB",
        },
        "environment": {"environment": "production", "environment_node_id": "EN_kwDOABCDEF4AAAAB"},
        # Preview bots deploy the commit of a fork's pull request: the run has no ref.
        "deployment-of-a-commit": {"event_name": "deployment", "ref": "", "ref_protected": "false"},
        # Repositories made since July 2026 have ids in it, and each can have its own form.
        "subject-with-ids": {"sub": "repo:acme@7001/shop@70010001:ref:refs/heads/main"},
        "customised-subject": {
            "sub": "repository_owner:acme:repository_visibility:private",
            "repo_property_team": "shop",
        },
        "schedule": {"event_name": "schedule"},
        "leaked-runner": {"repository": "acme/legacy", "repository_id": "70010666"},
        "other-organization": {
            "repository": "globex/shop",
            "repository_id": "80010001",
            "repository_owner_id": "8001",
        },
    },
    derive=_derive,
    entry=Entry(
        name="github",
        keys="""\
host: localhost:$port
organizations: [{name: acme, id: "7001"}]
""",
        grant="""\
# Each repository pushes only its own images, from main.
match: {branch: main}
repositories: ["ci/{repository}", "ci/{repository}/*"]
also_pull: ["base/*"]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("repository", "ref", "event_name"),
        pushes=("ci/acme/shop", "ci/acme/shop/*"),
        pulls=("base/*",),
        refused="push-feature",
        reason="no-matching-grant",
    ),
)
