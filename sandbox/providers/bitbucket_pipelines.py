"""Bitbucket Pipelines in the workspace acme. Every UUID is in braces.

Source: Bitbucket Cloud documentation, "Integrate Pipelines with resource servers using OIDC".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_ENVIRONMENT: Final = "{0d84f6b2-7c1e-4935-8ea7-3b9c5d20f1a8}"


def _derive(claims: Claims, _issuer: str) -> Claims:
    parts = [claims["repositoryUuid"], claims.get("deploymentEnvironmentUuid"), claims["stepUuid"]]
    return {"sub": ":".join(str(part) for part in parts if part is not None), "accountUuid": claims["workspaceUuid"]}


PROVIDER: Final = Provider(
    name="bitbucket-pipelines",
    fixed_issuer="https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
    issuer_path="/bitbucket-pipelines",
    keys_path="/keys.json",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=None,
    scenarios={
        "push-main": {},
        "push-feature": {"branchName": "feature/cart"},
        "deployment": {"deploymentEnvironmentUuid": _ENVIRONMENT},
        "other-repository": {"repositoryUuid": "{e6d10f8b-27c4-4a93-b5e8-0c9f3a7d6b12}"},
    },
    derive=_derive,
    entry=Entry(
        name="bitbucket",
        keys="""\
workspace: acme
organizations: [{id: "5b1c9e07-42d8-4a6f-b3e0-9f7d2c8a1645"}]
""",
        grant="""\
# Whether a pipeline's branch can be trusted is not documented; an environment can be restricted to main.
match: {environment: "0d84f6b2-7c1e-4935-8ea7-3b9c5d20f1a8"}
repositories: ["bitbucket/{repository_id}", "bitbucket/{repository_id}/*"]
""",
    ),
    shown=Shown(
        granted="deployment",
        claims=("repositoryUuid", "branchName", "deploymentEnvironmentUuid"),
        pushes=("bitbucket/c2e7a415-9d30-4b8c-a1f6-68b4d7e05392", "bitbucket/c2e7a415-9d30-4b8c-a1f6-68b4d7e05392/*"),
        refused="push-main",
        reason="no-matching-grant",
    ),
)
