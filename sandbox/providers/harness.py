"""Harness, in the form that its API describes; no real token was seen.

Source: Harness documentation, "Configure OIDC with AWS connectors", and its OpenAPI description.
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_ACCOUNT: Final = "bX4tRk9wQe2LmZ7sVy1Nha"


def _derive(claims: Claims, _issuer: str) -> Claims:
    return {"sub": f"account/{claims['account_id']}:org/{claims['organization_id']}:project/{claims['project_id']}"}


PROVIDER: Final = Provider(
    name="harness",
    fixed_issuer=f"https://app.harness.io/ng/api/oidc/account/{_ACCOUNT}",
    issuer_path="/harness",
    keys_path="/.wellknown/jwks",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=None,
    scenarios={
        "pipeline": {},
        "other-pipeline": {"pipeline_id": "legacy"},
        "other-account": {"account_id": "ZZZZZZZZZZZZZZZZZZZZZZ"},
    },
    derive=_derive,
    entry=Entry(
        name="harness",
        keys=f"""\
account: {_ACCOUNT}
organizations: [{{id: {_ACCOUNT}}}]
""",
        grant="""\
match: {pipeline_id: shop_images}
claims: {organization_id: default, project_id: shop}
repositories: [harness/shop]
""",
    ),
    shown=Shown(
        granted="pipeline",
        claims=("project_id", "pipeline_id"),
        pushes=("harness/shop",),
        refused="other-pipeline",
        reason="no-matching-grant",
    ),
)
