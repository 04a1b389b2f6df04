"""HCP Terraform, for one phase of a run.

Source: HashiCorp documentation, "Workload identity tokens".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown, sample_of

_WORKSPACE: Final = "ws-Qm4kTz81vRbLxD3e"


def _derive(claims: Claims, _issuer: str) -> Claims:
    parts = {
        "organization": claims["terraform_organization_name"],
        "project": claims["terraform_project_name"],
        "workspace": claims["terraform_workspace_name"],
    }
    whole = ":".join(f"{name}:{value}" for name, value in parts.items())
    return {"terraform_full_workspace": whole, "sub": f"{whole}:run_phase:{claims['terraform_run_phase']}"}


PROVIDER: Final = Provider(
    name="hcp-terraform",
    fixed_issuer="https://app.terraform.io",
    issuer_path="/hcp-terraform",
    keys_path="/.well-known/jwks",
    algorithm="RS256",
    lifetime_seconds=7200,
    not_before_seconds=5,
    scenarios={
        "apply": {},
        # A speculative plan runs the code of a pull request.
        "plan": {"terraform_run_phase": "plan"},
        # A Stack's token, of which only the subject is documented.
        "stack": {
            **{name: None for name in sample_of("hcp-terraform").job if name.startswith("terraform_")},
            "sub": "organization:acme:project:shop:stack:shop:deployment:production:operation:apply",
        },
        "other-workspace": {"terraform_workspace_id": "ws-Jd6HfS0aNuEoCi4B", "terraform_workspace_name": "other"},
        "other-organization": {
            "terraform_organization_id": "org-AAAABBBBCCCCDDDD",
            "terraform_organization_name": "globex",
        },
    },
    derive=_derive,
    entry=Entry(
        name="terraform",
        keys="""\
organizations: [{name: acme, id: org-W7pXn2LcYh5sGf9J}]
""",
        grant=f"""\
match: {{pipeline_id: {_WORKSPACE}}}
repositories: [terraform/shop]
""",
    ),
    shown=Shown(
        granted="apply",
        claims=("terraform_workspace_name", "terraform_run_phase"),
        pushes=("terraform/shop",),
        refused="plan",
        reason="untrusted-trigger",
    ),
)
