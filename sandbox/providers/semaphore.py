"""Semaphore, one token for a job, with the issuer as its audience.

Source: Semaphore documentation, "OpenID Connect".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown

_ISSUER: Final = "https://acme.semaphoreci.com"
_PROJECT: Final = "2d9e60b7-f41a-4c83-97e5-a0b8c36d1f52"


def _derive(claims: Claims, _issuer: str) -> Claims:
    project, ref_type, ref = claims["prj_id"], claims["ref_type"], claims["ref"]
    return {
        "sub": f"org:acme:project:{project}:repo:{claims['repo']}:ref_type:{ref_type}:ref:{ref}",
        "sub127": f"acme:{project}:{claims['repo']}:{str(ref).removeprefix('refs/')}",
    }


PROVIDER: Final = Provider(
    name="semaphore",
    fixed_issuer=_ISSUER,
    fixed_audience=_ISSUER,
    issuer_path="/semaphore",
    keys_path="/.well-known/jwks.json",
    algorithm="RS256",
    lifetime_seconds=24 * 3600,
    not_before_seconds=0,
    scenarios={
        "push-main": {},
        "push-feature": {"ref": "refs/heads/feature/cart", "branch": "feature/cart"},
        "tag": {"ref": "refs/tags/v2.3.0", "ref_type": "tag", "branch": ""},
        # `branch` is the one that the request goes to.
        "pull-request": {"ref": "refs/pull/31/merge", "ref_type": "pull-request", "pr": "31", "pr_branch": "main"},
        "debug": {"job_type": "debug_job"},
        "other-project": {"prj_id": "f0e1d2c3-b4a5-4697-8879-6a5b4c3d2e1f"},
    },
    derive=_derive,
    entry=Entry(
        name="semaphore",
        keys="""\
organization: acme
organizations: [{name: acme, id: c05b8e42-7d1f-4369-a8c0-e92f61d7b354}]
""",
        grant="""\
match: {branch: main}
repositories: ["semaphore/{pipeline_id}", "semaphore/{pipeline_id}/*"]
""",
    ),
    shown=Shown(
        granted="push-main",
        claims=("repo_slug", "ref", "ref_type"),
        pushes=(f"semaphore/{_PROJECT}", f"semaphore/{_PROJECT}/*"),
        refused="pull-request",
        reason="untrusted-trigger",
    ),
)
