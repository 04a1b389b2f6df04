"""Claims of jobs as CI systems really send them; None in `changes` leaves a claim out."""

from token_exchange.policy.judgement import Caller
from token_exchange.policy.model import Policy
from token_exchange.ports import Json
from token_exchange.providers.identity import identify

NOON = 1_800_014_400.0
"""2027-01-15T12:00:00Z."""


def github_claims(**changes: Json) -> dict[str, Json]:
    """Return the claims of a push to main of nordlicht/kompass."""
    workflow = "nordlicht/kompass/.github/workflows/ship.yml@refs/heads/main"
    return _changed(
        {
            "actor": "ada-mueller",
            "actor_id": "1815",
            "aud": "https://ecr.nordlicht.example",
            "base_ref": "",
            "check_run_id": "30111222333",
            "event_name": "push",
            "exp": int(NOON) + 300,
            "head_ref": "",
            "iat": int(NOON),
            "iss": "https://token.actions.githubusercontent.com",
            "job_workflow_ref": workflow,
            "job_workflow_sha": "ab" * 20,
            "jti": "0b9d6a3e-2f64-4c1f-8e0d-3a5f7c9b1d20",
            "nbf": int(NOON) - 300,
            "ref": "refs/heads/main",
            "ref_protected": "true",
            "ref_type": "branch",
            "repository": "nordlicht/kompass",
            "repository_id": "900100200",
            "repository_owner": "nordlicht",
            "repository_owner_id": "4400117",
            "repository_visibility": "private",
            "run_attempt": "1",
            "run_id": "7000000001",
            "run_number": "12",
            "runner_environment": "github-hosted",
            "sha": "ab" * 20,
            "sub": "repo:nordlicht/kompass:ref:refs/heads/main",
            "workflow": "ship",
            "workflow_ref": workflow,
            "workflow_sha": "ab" * 20,
        },
        changes,
    )


def gitlab_claims(**changes: Json) -> dict[str, Json]:
    """Return the claims of a push to main of werft/boote/jolle."""
    return _changed(
        {
            "aud": "https://ecr.nordlicht.example",
            "ci_config_ref_uri": "gitlab.com/werft/boote/jolle//.gitlab-ci.yml@refs/heads/main",
            "ci_config_sha": "cd" * 20,
            "exp": int(NOON) + 3600,
            "iat": int(NOON),
            "iss": "https://gitlab.com",
            "job_id": "880001",
            "job_namespace_id": "31",
            "job_namespace_path": "werft/boote",
            "job_project_id": "5150",
            "job_project_path": "werft/boote/jolle",
            "jti": "7f0e1d2c-3b4a-4958-8776-655443322110",
            "namespace_id": "31",
            "namespace_path": "werft/boote",
            "nbf": int(NOON) - 5,
            "pipeline_id": "770001",
            "pipeline_source": "push",
            "project_id": "5150",
            "project_path": "werft/boote/jolle",
            "project_visibility": "private",
            "ref": "main",
            "ref_path": "refs/heads/main",
            "ref_protected": "true",
            "ref_type": "branch",
            "runner_environment": "gitlab-hosted",
            "runner_id": 42,
            "sha": "cd" * 20,
            "sub": "project_path:werft/boote/jolle:ref_type:branch:ref:main",
            "user_access_level": "maintainer",
            "user_email": "grace@werft.example",
            "user_id": "1906",
            "user_login": "grace.hopper",
        },
        changes,
    )


def _changed(claims: dict[str, Json], changes: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def caller_of(policy: Policy, issuer: str, claims: dict[str, Json], *, now: float = NOON) -> Caller:
    """Return the caller whose token with `claims` was verified for the entry `issuer`."""
    entry = policy.issuers[issuer]
    return Caller(issuer=entry, identity=identify(entry.preset, claims), claims=claims, now=now)
