"""Gitea Actions on a host of one's own.

Source: go-gitea/gitea at a commit of 2026.
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_COMMIT: Final = "e7b4095d3c2f81a6d09e5b7c14f83a2690c6d8e5"


def _derive(claims: Claims, _issuer: str) -> Claims:
    repository, owner_id, id_ = str(claims["repository"]), claims["repository_owner_id"], claims["repository_id"]
    owner, _, name = repository.partition("/")
    tail = "pull_request" if claims["event_name"] == "pull_request" else f"ref:{claims['ref']}"
    workflow = f"{repository}/.gitea/workflows/{claims['workflow']}@{claims['ref']}"
    return {
        "repository_owner": owner,
        "workflow_ref": workflow,
        "workflow_sha": claims["sha"],
        "job_workflow_ref": workflow,
        "job_workflow_sha": claims["sha"],
        "sub": f"repo:{owner}@{owner_id}/{name}@{id_}:{tail}",
    }


PROVIDER: Final = Provider(
    name="gitea",
    issuer_path="/gitea/api/actions/oidc",
    keys_path="/jwks",
    algorithm="RS256",
    lifetime_seconds=300,
    not_before_seconds=300,
    base_claims={
        "actor": "ada",
        "actor_id": "5",
        "base_ref": "",
        "event_name": "push",
        "head_ref": "",
        "ref": "refs/heads/main",
        "ref_protected": "true",
        "ref_type": "branch",
        "repository": "acme/shop",
        "repository_id": "401",
        "repository_owner_id": "41",
        "run_attempt": "1",
        "run_id": "7120",
        "run_number": "23",
        "sha": _COMMIT,
        "workflow": "images.yml",
        "repository_visibility": "private",
        "runner_environment": "self-hosted",
    },
    scenarios={
        "push-main": {},
        "push-feature": {"ref": "refs/heads/feature/cart", "ref_protected": "false"},
        "tag": {"ref": "refs/tags/v2.3.0", "ref_type": "tag", "ref_protected": "false"},
        "pull-request": {
            "ref": "refs/pull/12/merge",
            "event_name": "pull_request",
            "head_ref": "feature/cart",
            "base_ref": "main",
            "ref_protected": "false",
        },
        # Carries the base repository's branch, whoever sent the pull request.
        "pull-request-target": {"event_name": "pull_request_target", "head_ref": "main", "base_ref": "main"},
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
match: {branch: main, ref_protected: true}
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
