"""CircleCI, asked for a token by a job's step.

Source: CircleCI documentation, "OpenID Connect tokens with custom claims".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown, sample_of

_AT: Final = "oidc.circleci.com/"
_ORGANIZATION: Final = "84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463"
_PROJECT: Final = "d3907c5e-1ab8-4f26-8e74-b95a60c2f1d7"
_USER: Final = "5f28e1a6-c740-49bd-b3d2-0a8e694c7f15"


def _derive(claims: Claims, _issuer: str) -> Claims:
    subject = f"org/{claims[f'{_AT}org-id']}/project/{claims[f'{_AT}project-id']}/user/{_USER}"
    if claims[f"{_AT}vcs-origin"] is not None:
        subject += f"/vcs-origin/{claims[f'{_AT}vcs-origin']}/vcs-ref/{claims[f'{_AT}vcs-ref']}"
    return {"sub": subject}


PROVIDER: Final = Provider(
    name="circleci",
    fixed_issuer=f"https://oidc.circleci.com/org/{_ORGANIZATION}",
    has_token_id=False,
    issuer_path="/circleci",
    keys_path="/.well-known/jwks-pub.json",
    algorithm="RS256",
    lifetime_seconds=3600,
    not_before_seconds=None,
    scenarios={
        "push-main": {},
        "push-feature": {f"{_AT}vcs-ref": "refs/heads/feature/cart"},
        "tag": {f"{_AT}vcs-ref": "refs/tags/v2.3.0"},
        # The project and its organization are ours, even for a fork's code.
        "fork": {f"{_AT}vcs-origin": "github.com/stranger/shop"},
        "ssh-rerun": {f"{_AT}ssh-rerun": True},
        # A pipeline that a custom webhook starts is of no repository.
        "custom-webhook": dict.fromkeys((f"{_AT}vcs-origin", f"{_AT}vcs-ref")),
        # The stream of audit logs has tokens of the same issuer, which are not a job's.
        "audit-logs": {
            **{name: None for name in sample_of("circleci").job if name.startswith(_AT)},
            "sub": f"org/{_ORGANIZATION}/file-streaming/audit-logs",
        },
        "other-project": {f"{_AT}project-id": "1e7b40c9-85d2-4f6a-b318-c06d92f5e7a4"},
    },
    derive=_derive,
    entry=Entry(
        name="circleci",
        keys=f"""\
organization: {_ORGANIZATION}
organizations: [{{id: "{_ORGANIZATION}"}}]
""",
        grant="""\
match: {repository: acme/shop, branch: main}
repositories: ["circleci/{pipeline_id}", "circleci/{pipeline_id}/*"]
""",
        # A grant must say where the code may come from.
        pulls_base=False,
    ),
    shown=Shown(
        granted="push-main",
        claims=(f"{_AT}project-id", f"{_AT}vcs-origin", f"{_AT}vcs-ref"),
        pushes=(f"circleci/{_PROJECT}", f"circleci/{_PROJECT}/*"),
        refused="fork",
        reason="no-matching-grant",
    ),
)
