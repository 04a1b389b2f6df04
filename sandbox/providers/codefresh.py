"""Codefresh, started by a push.

Source: Codefresh documentation, "ID tokens"; sigstore/fulcio's tests of this issuer.
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_PIPELINE: Final = "67c1e9f05a2b4d8376e0a1c9"


def _derive(claims: Claims, _issuer: str) -> Claims:
    subject = f"account:{claims['account_id']}:pipeline:{claims['pipeline_id']}"
    parts = {"scm_repo_url", "scm_user_name", "scm_ref", "scm_pull_request_target_branch", "initiator"}
    return {
        "sub": ":".join(
            [subject, *(f"{name}:{claims[name]}" for name in claims if name in parts and claims[name] is not None)]
        )
    }


PROVIDER: Final = Provider(
    name="codefresh",
    fixed_issuer="https://oidc.codefresh.io",
    has_token_id=False,
    issuer_path="/codefresh",
    keys_path="/jwks",
    algorithm="RS256",
    lifetime_seconds=300,
    not_before_seconds=None,
    scenarios={
        "push-main": {},
        "push-feature": {"scm_ref": "feature/cart"},
        # Nothing distinguishes a tag from a branch of that name.
        "tag": {"scm_ref": "v2.3.0"},
        "by-hand": {"initiator": "ada", "scm_ref": None, "scm_repo_url": None, "scm_user_name": None},
        # Another customer's self-hosted installation.
        "other-platform": {"platform_url": "https://codefresh.globex.example"},
        # The ref is the one it comes from, which a fork may call main.
        "pull-request": {"scm_pull_request_target_branch": "main"},
        "other-account": {"account_id": "640000000000000000000001", "account_name": "globex"},
    },
    derive=_derive,
    entry=Entry(
        name="codefresh",
        keys="""\
organizations: [{name: acme, id: 64d2f8b10c3e5a7961b4e0d8}]
""",
        grant="""\
match: {repository: acme/shop, ref: main}
repositories: ["codefresh/{pipeline_id}", "codefresh/{pipeline_id}/*"]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("pipeline_name", "scm_repo_url", "scm_ref"),
        pushes=(f"codefresh/{_PIPELINE}", f"codefresh/{_PIPELINE}/*"),
        refused="pull-request",
        reason="untrusted-trigger",
    ),
)
