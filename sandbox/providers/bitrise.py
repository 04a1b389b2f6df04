"""Bitrise. What a build has none of is empty text.

Source: Bitrise documentation, "OIDC authentication overview".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown


def _derive(claims: Claims, _issuer: str) -> Claims:
    return {
        "sub": f"app:{claims['app_slug']}:workflow:{claims['workflow']}",
        "repository_url": f"https://github.com/{claims['repository_owner']}/{claims['repository_slug']}.git",
    }


PROVIDER: Final = Provider(
    name="bitrise",
    fixed_issuer="https://token.builds.bitrise.io",
    issuer_path="/bitrise",
    keys_path="/.well-known/jwks",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=0,
    scenarios={
        "push-main": {},
        "push-feature": {"branch": "feature/cart"},
        "tag": {"branch": "", "tag": "v1.9.0"},
        # A fork may call its branch main; only the target distinguishes this from a push.
        "pull-request": {"branch": "main", "branch_dest": "main", "repository_owner": "stranger"},
        "other-workspace": {"workspace_slug": "0f6e5d4c3b2a1908", "app_slug": "1a2b3c4d5e6f7081"},
    },
    derive=_derive,
    entry=Entry(
        name="bitrise",
        keys="""\
organizations: [{id: "a90b3c7d15e2f846"}]
""",
        grant="""\
match: {branch: main}
repositories: ["bitrise/{pipeline_id}", "bitrise/{pipeline_id}/*"]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("app_slug", "branch", "branch_dest"),
        pushes=("bitrise/62d8f1a4b07c93e5", "bitrise/62d8f1a4b07c93e5/*"),
        refused="pull-request",
        reason="untrusted-trigger",
    ),
)
