"""GitHub Actions, in the form of GitHub Enterprise Server, whose issuer lies on a host of one's own.

Every claim but the times is text, numbers and booleans too.
Source: GitHub docs, "OpenID Connect reference".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_COMMIT: Final = "6b0d1f7c2a94e35d8f1b7a60c3e2d9485f6a7b10"


def _derive(claims: Claims, _issuer: str) -> Claims:
    repository = str(claims["repository"])
    workflow = f"{repository}/.github/workflows/images.yml@{claims['ref']}"
    return {
        "sub": f"repo:{repository}:{_subject_tail(claims)}",
        "repository_owner": repository.partition("/")[0],
        "workflow_ref": workflow,
        "workflow_sha": claims["sha"],
        "job_workflow_ref": workflow,
        "job_workflow_sha": claims["sha"],
    }


def _subject_tail(claims: Claims) -> str:
    if "environment" in claims:  # wins even in a pull request
        return f"environment:{claims['environment']}"
    if claims["event_name"] == "pull_request":
        return "pull_request"
    return f"ref:{claims['ref']}"


PROVIDER: Final = Provider(
    name="github-actions",
    issuer_path="/_services/token",
    keys_path="/.well-known/jwks",
    algorithm="RS256",
    lifetime_seconds=300,
    not_before_seconds=300,
    base_claims={
        "ref": "refs/heads/main",
        "sha": _COMMIT,
        "repository": "acme/shop",
        "repository_id": "70010001",
        "repository_owner_id": "7001",
        "repository_visibility": "private",
        "run_id": "9100200300",
        "run_number": "57",
        "run_attempt": "1",
        "check_run_id": "31900200301",
        "actor": "ada",
        "actor_id": "42001",
        "workflow": "images",
        "head_ref": "",
        "base_ref": "",
        "event_name": "push",
        "ref_protected": "true",
        "ref_type": "branch",
        "runner_environment": "self-hosted",
    },
    scenarios={
        "push-main": {},
        "push-feature": {"ref": "refs/heads/feature/cart", "ref_protected": "false"},
        "tag": {"ref": "refs/tags/v2.3.0", "ref_type": "tag", "ref_protected": "false"},
        "release": {
            "ref": "refs/tags/v2.3.0",
            "ref_type": "tag",
            "ref_protected": "false",
            "event_name": "release",
            "environment": "production",
            "environment_node_id": "EN_kwDOABCDEF4AAAAB",
        },
        "environment": {"environment": "production", "environment_node_id": "EN_kwDOABCDEF4AAAAB"},
        "pull-request": {
            "ref": "refs/pull/12/merge",
            "event_name": "pull_request",
            "head_ref": "feature/cart",
            "base_ref": "main",
            "ref_protected": "false",
        },
        # Carries the base repository's identity and ref, whoever sent the pull request.
        "pull-request-target": {
            "event_name": "pull_request_target",
            "head_ref": "main",
            "base_ref": "main",
            "actor": "stranger",
            "actor_id": "99009",
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
# Whatever its name, each repository pushes its own images, from main, and nobody else's.
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
