"""Forgejo Actions on a host of one's own.

Source: Forgejo, services/actions.
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_COMMIT: Final = "58e0c2b97d1f4a63b8c05e9d27f16a4830d7e5c1"


def _derive(claims: Claims, _issuer: str) -> Claims:
    repository, owner_id, id_ = str(claims["repository"]), claims["repository_owner_id"], claims["repository_id"]
    owner, _, name = repository.partition("/")
    tail = "pull_request" if claims["event_name"] == "pull_request" else f"ref:{claims['ref']}"
    workflow = f"{repository}/.forgejo/workflows/{claims['workflow']}@{claims['ref']}"
    return {
        "repository_owner": owner,
        "workflow_ref": workflow,
        "sub": f"repo:{owner}-{owner_id}/{name}-{id_}:{tail}",
    }


PROVIDER: Final = Provider(
    name="forgejo",
    has_token_id=False,
    issuer_path="/forgejo/api/actions",
    keys_path="/.well-known/keys",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=0,
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
        "repository_id": "301",
        "repository_owner_id": "31",
        "run_attempt": "1",
        "run_id": "6120",
        "run_number": "23",
        "sha": _COMMIT,
        "workflow": "images.yml",
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
        name="forgejo",
        keys="""\
issuer: $issuer
organizations: [{name: acme, id: "31"}]
""",
        grant="""\
match: {branch: main, ref_protected: true}
repositories: ["forgejo/{repository}", "forgejo/{repository}/*"]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("repository", "ref", "event_name"),
        pushes=("forgejo/acme/shop", "forgejo/acme/shop/*"),
        refused="pull-request-target",
        reason="untrusted-trigger",
    ),
)
