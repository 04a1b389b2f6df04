"""What GitHub Actions and the two systems that are modelled on it, Forgejo and Gitea, have in common."""

from collections.abc import Mapping
from typing import Final

from sandbox.providers.shape import Claims, Json

RUNS: Final[Mapping[str, Mapping[str, Json]]] = {
    "push-main": {},
    "push-feature": {"ref": "refs/heads/feature/cart"},
    "tag": {"ref": "refs/tags/v2.3.0", "ref_type": "tag"},
    "pull-request": {
        "ref": "refs/pull/12/merge",
        "event_name": "pull_request",
        "head_ref": "feature/cart",
        "base_ref": "main",
    },
    # Carries the base repository's identity and branch, regardless of the pull request's author.
    "pull-request-target": {"event_name": "pull_request_target", "head_ref": "main", "base_ref": "main"},
}
"""Runs that all three have, as changes to the claims of a push to main."""


def family_claims(claims: Claims, *, workflow: str, id_mark: str | None) -> Claims:
    """Return what follows from the other claims; `workflow` is the path of its file.

    `id_mark` stands between a name and its id in `sub`, or None where `sub` has no ids.
    """
    repository = str(claims["repository"])
    owner, _, name = repository.partition("/")
    if id_mark is not None:
        subject = f"{owner}{id_mark}{claims['repository_owner_id']}/{name}{id_mark}{claims['repository_id']}"
    else:
        subject = repository
    return {
        "repository_owner": owner,
        "workflow_ref": f"{repository}/{workflow}@{claims['ref'] or claims['sha']}",
        "sub": f"repo:{subject}:{_tail(claims)}",
    }


def _tail(claims: Claims) -> str:
    if "environment" in claims:  # wins even in a pull request
        return f"environment:{claims['environment']}"
    return "pull_request" if claims["event_name"] == "pull_request" else f"ref:{claims['ref']}"
