"""A service account of a self-hosted cluster, with a projected volume.

Source: Kubernetes documentation, "Service Accounts".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown, sample_of

_WITHIN: Final = sample_of("kubernetes").within("kubernetes.io")


def _derive(claims: Claims, _issuer: str) -> Claims:
    within = claims["kubernetes.io"]
    account = within.get("serviceaccount") if isinstance(within, dict) else None
    if not isinstance(within, dict) or not isinstance(account, dict):
        return {}
    return {"sub": f"system:serviceaccount:{within['namespace']}:{account['name']}"}


PROVIDER: Final = Provider(
    name="kubernetes",
    audience_is_list=True,
    issuer_path="/kubernetes",
    keys_path="/openid/v1/jwks",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=0,
    scenarios={
        "runner": {},
        "other-account": {
            "kubernetes.io": {
                **_WITHIN,
                "serviceaccount": {"name": "default", "uid": "0b7f2d84-e915-4a63-8c70-d61e3f5a9b28"},
            }
        },
        "other-namespace": {"kubernetes.io": {**_WITHIN, "namespace": "stranger"}},
        # Made by hand for no pod.
        "no-pod": {"kubernetes.io": {name: _WITHIN[name] for name in ("namespace", "serviceaccount")}},
    },
    derive=_derive,
    entry=Entry(
        name="kubernetes",
        keys="""\
issuer: $issuer
organizations: [{name: shop-ci}]
""",
        grant="""\
match: {actor_id: a83d1f5e-6072-4c9b-b5e4-f90c27d8a136}
repositories: ["kubernetes/{organization}", "kubernetes/{organization}/*"]
""",
    ),
    shown=Shown(
        granted="runner",
        claims=("sub",),
        pushes=("kubernetes/shop-ci", "kubernetes/shop-ci/*"),
        refused="other-account",
        reason="no-matching-grant",
    ),
)
