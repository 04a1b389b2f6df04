"""Vela on a self-hosted server.

Source: go-vela/server, the claims of an id token.
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown


def _derive(claims: Claims, _issuer: str) -> Claims:
    return {"sub": f"repo:{claims['repo']}:ref:{claims['ref']}:event:{claims['event']}"}


PROVIDER: Final = Provider(
    name="vela",
    audience_is_list=True,
    issuer_path="/vela/_services/token",
    keys_path="/.well-known/jwks",
    algorithm="RS256",
    lifetime_seconds=300,
    not_before_seconds=None,
    scenarios={
        "push-main": {},
        "push-feature": {"branch": "feature/cart", "ref": "refs/heads/feature/cart"},
        "tag": {"event": "tag", "ref": "refs/tags/v2.3.0"},
        # `branch` is the one that the request goes to.
        "fork": {"event": "pull_request:opened", "pull_fork": "true", "ref": "refs/pull/12/head"},
        "other-owner": {"repo": "globex/shop"},
    },
    derive=_derive,
    entry=Entry(
        name="vela",
        keys="""\
issuer: $issuer
organizations: [{name: acme}]
""",
        grant="""\
match: {branch: main, event: push}
repositories: ["vela/{repository}", "vela/{repository}/*"]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("repo", "ref", "event", "pull_fork"),
        pushes=("vela/acme/shop", "vela/acme/shop/*"),
        refused="fork",
        reason="untrusted-trigger",
    ),
)
