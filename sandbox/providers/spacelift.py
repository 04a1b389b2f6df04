"""Spacelift, with the account's host name as the audience.

Source: Spacelift documentation, "OpenID Connect".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_HOST: Final = "acme.app.spacelift.io"


def _derive(claims: Claims, _issuer: str) -> Claims:
    names = ("spaceId", "callerType", "callerId", "runType", "scope")
    space, kind, caller, run_type, scope = (claims[name] for name in names)
    return {"sub": f"space:{space}:{kind}:{caller}:run_type:{run_type}:scope:{scope}"}


PROVIDER: Final = Provider(
    name="spacelift",
    fixed_issuer=f"https://{_HOST}",
    fixed_audience=_HOST,
    issuer_path="/spacelift",
    keys_path="/.well-known/jwks",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=0,
    scenarios={
        "tracked": {},
        "planning": {"scope": "read"},
        # A pull request's run.
        "proposed": {"runType": "PROPOSED", "scope": "read"},
        "module-of-the-same-name": {"callerType": "module"},
    },
    derive=_derive,
    entry=Entry(
        name="spacelift",
        keys="""\
account: acme
organizations: [{name: acme}]
""",
        grant="""\
claims: {callerType: stack, scope: write}
repositories: ["spacelift/{pipeline_id}", "spacelift/{pipeline_id}/*"]
""",
    ),
    shown=Shown(
        granted="tracked",
        claims=("callerId", "runType", "scope"),
        pushes=("spacelift/shop-images", "spacelift/shop-images/*"),
        refused="proposed",
        reason="untrusted-trigger",
    ),
)
