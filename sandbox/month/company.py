"""The company whose month it is: its policy, its teams, and the kinds of runs that they start.

One grant is too wide: `shared-tools` was meant for the repository acme/tools, and names no repository.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.loading.load import load_policy

AUDIENCE: Final = "https://exchange.acme.example"
APPS_ACCOUNT: Final = "111122223333"
BROKER_ACCOUNT: Final = "444455556666"
BROKER_ROLE: Final = f"arn:aws:iam::{BROKER_ACCOUNT}:role/token-exchange-ExchangeRole-1A2B3C"
REGION: Final = "eu-west-1"
MOST_TEAMS: Final = 500

_PUSH_ROLE: Final = f"arn:aws:iam::{APPS_ACCOUNT}:role/ci-ecr-push"
_PULL_ROLE: Final = f"arn:aws:iam::{APPS_ACCOUNT}:role/ci-ecr-pull"

_DOCUMENT: Final[dict[str, Json]] = {
    "version": 1,
    "issuers": {
        "github": {
            "provider": "github-actions",
            "audience": AUDIENCE,
            "organizations": [{"name": "acme", "id": "7001"}, {"name": "acme-labs", "id": "7002"}],
        },
        "gitlab": {
            "provider": "gitlab",
            "issuer": "https://gitlab.acme.example",
            "audience": AUDIENCE,
            "organizations": [{"name": "acme"}],
        },
        "buildkite": {
            "provider": "buildkite",
            "audience": AUDIENCE,
            "organizations": [{"name": "acme", "id": "0184990a-477b-4fa8-9968-496074483cee"}],
        },
    },
    "registries": {
        "apps": {"type": "ecr", "account": APPS_ACCOUNT, "region": REGION},
        "archive": {"type": "ecr", "account": APPS_ACCOUNT, "region": "us-east-1"},
    },
    "deny": [
        {"name": "leaked-runner", "issuers": ["github"], "match": {"repository_id": "70010666"}},
        {"name": "retired-group", "issuers": ["gitlab"], "match": {"repository": {"like": "acme/retired/*"}}},
    ],
    "grants": [
        {
            "name": "shared-tools",
            "issuers": ["github"],
            "match": {"event": ["push", "workflow_dispatch"], "workflow": "tools"},
            "registry": "apps",
            "role": _PUSH_ROLE,
            "access": "push",
            "repositories": ["shared/tools", "shared/tools/*"],
            "duration": "1h",
        },
        {
            "name": "own-images",
            "issuers": ["github"],
            "match": {"branch": "main"},
            "registry": "apps",
            "role": _PUSH_ROLE,
            "access": "push",
            "repositories": ["ci/{repository}", "ci/{repository}/*"],
            "also_pull": ["base/*"],
            "duration": "30m",
        },
        {
            "name": "release-images",
            "issuers": ["github"],
            "match": {"tag": {"like": "v*"}, "environment": "production"},
            "registry": "apps",
            "role": _PUSH_ROLE,
            "access": "push",
            "repositories": ["releases/{repository}"],
            "duration": "15m",
        },
        {
            "name": "gitlab-images",
            "issuers": ["gitlab"],
            "match": {"ref_protected": True},
            "registry": "apps",
            "role": _PUSH_ROLE,
            "access": "push",
            "repositories": ["gitlab/{repository}"],
            "duration": "30m",
        },
        {
            "name": "base-images",
            "issuers": ["github", "gitlab"],
            "registry": "apps",
            "role": _PULL_ROLE,
            "access": "pull",
            "repositories": ["base/*"],
            "duration": "30m",
        },
        {
            "name": "old-archive",
            "issuers": ["github"],
            "match": {"repository_id": "70010900"},
            "registry": "archive",
            "role": f"arn:aws:iam::{APPS_ACCOUNT}:role/ci-ecr-archive",
            "access": "push",
            "repositories": ["archive/*"],
            "duration": "30m",
        },
    ],
}


def policy_bytes() -> bytes:
    """Return the policy of the company, as its file's content."""
    return json.dumps(_DOCUMENT, indent=2).encode() + b"\n"


def policy() -> Policy:
    """Return the policy of the company."""
    return load_policy(policy_bytes(), name="policy.json", read_file=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of runs: who starts them, how often in a hundred runs, what they ask for and what they do then.

    `claims` are the token's, in which `…` is the team's number in three digits. `pushed` is where it pushes.
    """

    name: str
    share: int
    issuer: str
    claims: Mapping[str, Json]
    registries: tuple[str, ...] = ()
    format: str = "docker-config"
    pushed: str | None = None
    pulls: bool = False
    teams: tuple[int, ...] = field(default=tuple(range(MOST_TEAMS)))


def _github(repository: str, repository_id: str, ref: str, **claims: Json) -> dict[str, Json]:
    workflow = str(claims.get("workflow", "images"))
    at = f"{repository}/.github/workflows/{workflow}.yml@{ref}"
    return {
        "iss": "https://token.actions.githubusercontent.com",
        "aud": AUDIENCE,
        "sub": f"repo:{repository}:ref:{ref}",
        "repository": repository,
        "repository_id": repository_id,
        "repository_owner": repository.partition("/")[0],
        "repository_owner_id": "7001",
        "repository_visibility": "private",
        "ref": ref,
        "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
        "ref_protected": "true" if ref == "refs/heads/main" else "false",
        "event_name": "push",
        "workflow": workflow,
        "workflow_ref": at,
        "job_workflow_ref": at,
        "actor": "dev…",
        "actor_id": "420…",
        "run_number": "57",
        "run_attempt": "1",
        "runner_environment": "self-hosted",
        **claims,
    }


_GITLAB: Final[dict[str, Json]] = {
    "iss": "https://gitlab.acme.example",
    "aud": AUDIENCE,
    "sub": "project_path:acme/svc…:ref_type:branch:ref:main",
    "namespace_path": "acme",
    "namespace_id": "310",
    "project_id": "33…",
    "job_project_id": "33…",
    "project_path": "acme/svc…",
    "pipeline_source": "push",
    "job_id": "440…",
    "ref": "main",
    "ref_path": "refs/heads/main",
    "ref_type": "branch",
    "ref_protected": "true",
    "user_login": "dev…",
    "user_id": "51…",
}

KINDS: Final = (
    Kind(
        name="main",
        share=46,
        issuer="github",
        claims=_github("acme/team…", "7001…", "refs/heads/main"),
        registries=("apps",),
        pushed="ci/acme/team…",
    ),
    Kind(
        name="branch",
        share=26,
        issuer="github",
        claims=_github("acme/team…", "7001…", "refs/heads/feature/cart"),
        pulls=True,
    ),
    Kind(
        name="release",
        share=5,
        issuer="github",
        claims=_github("acme/team…", "7001…", "refs/tags/v1.2.3", environment="production"),
        registries=("apps",),
        pushed="releases/acme/team…",
    ),
    Kind(
        name="gitlab",
        share=14,
        issuer="gitlab",
        claims=_GITLAB,
        registries=("apps",),
        format="json",
        pushed="gitlab/acme/svc…",
        teams=tuple(range(0, MOST_TEAMS, 4)),
    ),
    Kind(
        name="tools",
        share=3,
        issuer="github",
        claims=_github("acme/tools", "70019999", "refs/heads/main", workflow="tools"),
        registries=("apps",),
        pushed="shared/tools",
        teams=(1,),
    ),
    # A pull request, which outsiders can start.
    Kind(
        name="pull-request",
        share=4,
        issuer="github",
        claims=_github("acme/team…", "7001…", "refs/pull/7/merge", event_name="pull_request"),
        registries=("apps",),
    ),
    Kind(
        name="denied",
        share=1,
        issuer="github",
        claims=_github("acme/leaky", "70010666", "refs/heads/main"),
        registries=("apps",),
        teams=(2,),
    ),
    Kind(
        name="misspelt",
        share=1,
        issuer="github",
        claims=_github("acme/team…", "7001…", "refs/heads/main"),
        registries=("aps",),
    ),
)
"""What happens every day; the shares add up to a hundred."""

LEAK: Final = Kind(
    name="leak",
    share=0,
    issuer="github",
    claims=_github(
        "acme/intern-playground", "70018888", "refs/heads/try-it", workflow="tools", actor="mallory", actor_id="66613"
    ),
    registries=("apps",),
    pushed="shared/tools",
    teams=(3,),
)
"""A repository of the organization with a workflow that happens to be named `tools`."""
