"""A CI system of one's own, with claims that no preset knows, signing with an elliptic curve."""

from typing import Final

from sandbox.providers.shape import Claims, Provider


def _derive(claims: Claims, _issuer: str) -> Claims:
    return {"sub": f"{claims['project']}#{claims['git_branch']}"}


PROVIDER: Final = Provider(
    name="generic",
    issuer_path="/generic",
    keys_path="/keys.json",
    algorithm="ES256",
    lifetime_seconds=600,
    not_before_seconds=None,
    base_claims={
        "tenant": "acme",
        "project": "acme/tools",
        "git_branch": "main",
        "build": 12,
        "protected": True,
    },
    scenarios={"push-main": {}, "push-feature": {"git_branch": "feature/lint", "protected": False}},
    derive=_derive,
)
