"""Jenkins with the plugin oidc-provider, with a credential for the whole controller.

Source: jenkinsci/oidc-provider-plugin, IdTokenCredentials.
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_JOB: Final = "https://jenkins.acme.example/job/shop/job/main/"


def _derive(_claims: Claims, _issuer: str) -> Claims:
    return {}


PROVIDER: Final = Provider(
    name="jenkins",
    audience_is_list=True,
    has_token_id=False,
    issuer_path="/jenkins/oidc",
    keys_path="/jwks",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=None,
    scenarios={
        "main": {},
        # The branch is part of the job's URL, and nothing else says what it is.
        "pull-request": {"sub": "https://jenkins.acme.example/job/shop/job/PR-7/"},
        "other-job": {"sub": "https://jenkins.acme.example/job/legacy/"},
        "no-build": {"sub": "https://jenkins.acme.example/", "build_number": None},
    },
    derive=_derive,
    entry=Entry(
        name="jenkins",
        keys="""\
issuer: $issuer
organizations: [{name: localhost}]
""",
        grant=f"""\
match: {{pipeline: "{_JOB}"}}
repositories: [jenkins/shop]
""",
    ),
    shown=Shown(
        granted="main",
        claims=("sub", "build_number"),
        pushes=("jenkins/shop",),
        refused="pull-request",
        reason="no-matching-grant",
    ),
)
