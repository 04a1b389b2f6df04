"""Azure Pipelines, whose audience is the same for all organizations.

Source: Microsoft's azure-pipelines-tasks, the README of azure-oidc.
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_ORGANIZATION: Final = "b60e4f19-d2a7-4c38-8f95-03c7e1d6a5b2"

_OF_A_PIPELINE: Final = ("org_id", "prj_id", "def_id", "rpo_id", "rpo_uri", "rpo_ver", "rpo_ref", "run_id")


def _derive(_claims: Claims, _issuer: str) -> Claims:
    return {"sub": "p://acme/shop/shop-images"}


PROVIDER: Final = Provider(
    name="azure-devops",
    fixed_issuer=f"https://vstoken.dev.azure.com/{_ORGANIZATION}",
    fixed_audience="api://AzureADTokenExchange",
    issuer_path="/azure-devops",
    keys_path="/.well-known/jwks",
    algorithm="RS256",
    lifetime_seconds=300,
    not_before_seconds=600,
    scenarios={
        "push-main": {},
        "push-feature": {"rpo_ref": "refs/heads/feature/cart"},
        "pull-request": {"rpo_ref": "refs/pull/31/merge"},
        # A token that was asked for with a service connection says nothing of the pipeline.
        "service-connection": {**dict.fromkeys(_OF_A_PIPELINE), "sub": "sc://acme/shop/exchange"},
        "other-pipeline": {"def_id": "62"},
    },
    derive=_derive,
    entry=Entry(
        name="azure",
        keys=f"""\
organization: {_ORGANIZATION}
organizations: [{{id: "{_ORGANIZATION}"}}]
""",
        grant="""\
match: {pipeline_id: "61", branch: main}
repositories: ["azure/{repository_id}", "azure/{repository_id}/*"]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("def_id", "rpo_ref"),
        pushes=("azure/e915c0b8-27d4-4a6f-83e2-9d07f4a1c65b", "azure/e915c0b8-27d4-4a6f-83e2-9d07f4a1c65b/*"),
        refused="pull-request",
        reason="untrusted-trigger",
    ),
)
