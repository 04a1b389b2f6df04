"""An in-house CI system, with claims that no preset knows, signing with an elliptic curve."""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown


def _derive(claims: Claims, _issuer: str) -> Claims:
    return {"sub": f"{claims['project']}#{claims['git_branch']}"}


PROVIDER: Final = Provider(
    name="generic",
    issuer_path="/generic",
    keys_path="/keys.json",
    algorithm="ES256",
    lifetime_seconds=600,
    not_before_seconds=None,
    scenarios={"push-main": {}, "push-feature": {"git_branch": "feature/lint", "protected": False}},
    derive=_derive,
    entry=Entry(
        name="builds",
        keys="""\
issuer: $issuer
algorithms: [ES256]
organization_claim: tenant
claims: {repository: project, branch: git_branch}
organizations: [{name: acme}]
""",
        grant="""\
match: {repository: acme/tools, branch: main}
repositories: [builds/tools]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("tenant", "project", "git_branch"),
        pushes=("builds/tools",),
        refused="push-feature",
        reason="no-matching-grant",
    ),
)
