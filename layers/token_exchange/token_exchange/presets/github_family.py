"""What GitHub Actions and two systems modelled on it, Forgejo and Gitea, have in common.

Every claim except the times is a string, also booleans and numbers. `sub` has several forms, so it is never parsed.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, ShortRef
from token_exchange.core.vocabulary import ClaimPath, Name, Source

VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim(("repository_owner",)),
    "organization_id": Claim(("repository_owner_id",)),
    "repository": Claim(("repository",)),
    "repository_id": Claim(("repository_id",)),
    "workflow": Claim(("workflow",)),
    "workflow_ref": Claim(("workflow_ref",)),
    "ref": Claim(("ref",)),
    "branch": ShortRef(("ref",), ("ref_type",), "branch"),
    "tag": ShortRef(("ref",), ("ref_type",), "tag"),
    "event": Claim(("event_name",)),
    "run_id": Claim(("run_id",)),
    "actor": Claim(("actor",)),
    "actor_id": Claim(("actor_id",)),
    "sha": Claim(("sha",)),
}

CLAIMS: Final[Mapping[str, ClaimType]] = dict.fromkeys(
    (
        "actor",
        "actor_id",
        "base_ref",
        "event_name",
        "head_ref",
        "ref",
        "ref_protected",
        "ref_type",
        "repository",
        "repository_id",
        "repository_owner",
        "repository_owner_id",
        "run_attempt",
        "run_id",
        "run_number",
        "sha",
        "workflow",
        "workflow_ref",
    ),
    "text",
)

PUBLIC_CLAIMS: Final[frozenset[ClaimPath]] = frozenset(
    (name,)
    for name in (
        "base_ref",
        "event_name",
        "head_ref",
        "ref",
        "ref_protected",
        "ref_type",
        "run_attempt",
        "run_number",
    )
)
"""Claims that name neither a project nor a person."""

MEMBERS_ONLY: Final = frozenset({"push", "create", "release", "workflow_dispatch", "schedule"})
"""Events that require write access to the repository.

An outsider can cause any other event. `pull_request_target`, `workflow_run` and `issue_comment` run with the identity
of the base repository and its default branch, and no claim names the fork.
"""


def untrusted_event(claims: Mapping[str, Json]) -> str | None:
    """Return how outsiders can have started the run of a token with `claims`, or None."""
    event = claims.get("event_name")
    return None if event in MEMBERS_ONLY else f"event {event}"


def is_owners_address(server: str, audience: str) -> bool:
    """Return whether `audience` is `https://SERVER/OWNER`, the default for a job that names no audience."""
    owner = audience.removeprefix(f"https://{server}/")
    return owner != audience and "/" not in owner
