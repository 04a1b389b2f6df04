"""A service account of Google Cloud, asked for by its metadata server.

Source: Google Cloud documentation, "Verify the identity of instances".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_ACCOUNT: Final = "104455667788990011223"


def _derive(claims: Claims, _issuer: str) -> Claims:
    return {"azp": claims["sub"]}


PROVIDER: Final = Provider(
    name="google",
    fixed_issuer="https://accounts.google.com",
    has_token_id=False,
    issuer_path="/google",
    keys_path="/oauth2/v3/certs",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=None,
    base_claims={
        "sub": _ACCOUNT,
        "email": "shop-images@acme-builds.iam.gserviceaccount.com",
        "email_verified": True,
    },
    scenarios={
        "trigger": {},
        "instance": {
            "google": {
                "compute_engine": {
                    "instance_creation_timestamp": 1795000000,
                    "instance_id": "7305118842669071500",
                    "instance_name": "runner-4",
                    "project_id": "acme-builds",
                    "project_number": 510022334455,
                    "zone": "europe-west1-d",
                }
            }
        },
        "other-account": {
            "sub": "109988776655443322110",
            "email": "nightly@acme-builds.iam.gserviceaccount.com",
        },
        # Compute Engine's own account of a project does not name it.
        "default-account": {
            "sub": "101010202020303030404",
            "email": "510022334455-compute@developer.gserviceaccount.com",
        },
        "person": {"sub": "112358132134558914423", "email": "ada@acme.example", "hd": "acme.example"},
        "other-project": {"email": "shop-images@globex-builds.iam.gserviceaccount.com"},
    },
    derive=_derive,
    entry=Entry(
        name="google",
        keys="""\
organizations: [{name: acme-builds}]
""",
        grant=f"""\
match: {{actor_id: "{_ACCOUNT}"}}
repositories: ["google/{{organization}}", "google/{{organization}}/*"]
""",
    ),
    shown=Shown(
        granted="trigger",
        claims=("sub", "email"),
        pushes=("google/acme-builds", "google/acme-builds/*"),
        refused="other-account",
        reason="no-matching-grant",
    ),
)
