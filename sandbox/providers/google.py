"""A service account of Google Cloud, asked for by its metadata server.

Source: Google Cloud documentation, "Verify the identity of instances".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown, sample_of

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
    scenarios={
        "trigger": {},
        "instance": {"google": sample_of("google").sometimes["google"]},
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
