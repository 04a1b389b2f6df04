"""Forgejo Actions on a self-hosted server.

Source: Forgejo, services/actions.
"""

from typing import Final

from sandbox.providers.github_family import RUNS, family_claims
from sandbox.providers.shape import Claims, Entry, Provider, Shown


def _derive(claims: Claims, _issuer: str) -> Claims:
    return family_claims(claims, workflow=f".forgejo/workflows/{claims['workflow']}", id_mark="-")


PROVIDER: Final = Provider(
    name="forgejo",
    has_token_id=False,
    issuer_path="/forgejo/api/actions",
    keys_path="/.well-known/keys",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=0,
    scenarios={
        **RUNS,
        # Before version 16.
        "without-ids": {
            **dict.fromkeys(("actor_id", "repository_id", "repository_owner_id")),
            "sub": "repo:acme/shop:ref:refs/heads/main",
        },
        # A reusable workflow's jobs have this event, whatever started the run.
        "reusable-workflow": {"event_name": "workflow_call"},
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
match: {branch: main}
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
