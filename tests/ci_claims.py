"""Claims of jobs as CI systems really send them; None in `changes` leaves a claim out."""

from token_exchange.core.evaluate import Caller
from token_exchange.core.identity import identify
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json

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


WORKSPACE = "2b7e1516-28ae-42a6-abf7-158809cf4f3c"
REPOSITORY = "9d5c3a10-6e4f-4f0b-8a21-d7b3e5f60c94"
ENVIRONMENT = "c4a1f7d8-03b2-4e59-b6c8-1f2a9e7d5b30"
BITBUCKET_ISSUER = "https://api.bitbucket.org/2.0/workspaces/fjordbyte/pipelines-config/identity/oidc"
AWS_ISSUER = "https://0c9e4a6b-1d2f-4e37-a85c-7b60d9f1e2a4.tokens.sts.global.api.aws"
STS = "https://sts.amazonaws.com/"


def bitbucket_claims(**changes: Json) -> dict[str, Json]:
    """Return the claims of a step on main in the workspace fjordbyte."""
    step = "{e8f60b7a-5d4c-4b3a-9281-706f5e4d3c2b}"
    return _changed(
        {
            "accountUuid": f"{{{WORKSPACE}}}",
            "aud": "https://ecr.nordlicht.example",
            "branchName": "main",
            "exp": int(NOON) + 3600,
            "iat": int(NOON),
            "iss": BITBUCKET_ISSUER,
            "pipelineUuid": "{716a5b4c-3d2e-4f10-8897-a6b5c4d3e2f1}",
            "repositoryUuid": f"{{{REPOSITORY}}}",
            "stepUuid": step,
            "sub": f"{{{REPOSITORY}}}:{step}",
            "workspaceUuid": f"{{{WORKSPACE}}}",
        },
        changes,
    )


def bitrise_claims(**changes: Json) -> dict[str, Json]:
    """Return the claims of a push to main of the app c0ffee12ab34cd56."""
    return _changed(
        {
            "app_slug": "c0ffee12ab34cd56",
            "aud": "https://ecr.nordlicht.example",
            "branch": "main",
            "branch_dest": "",
            "build_number": "77",
            "exp": int(NOON) + 3600,
            "iat": int(NOON),
            "iss": "https://token.builds.bitrise.io",
            "jti": "40a7d1e9-8c3b-4f62-b15d-9e70c2a6f384",
            "nbf": int(NOON),
            "repository_owner": "nordlicht",
            "repository_slug": "ruder",
            "repository_url": "https://github.com/nordlicht/ruder.git",
            "sha": "ef" * 20,
            "sub": "app:c0ffee12ab34cd56:workflow:ship",
            "tag": "",
            "trigger_by": "webhook",
            "workflow": "ship",
            "workspace_slug": "5eed0a1b2c3d4e5f",
        },
        changes,
    )


def aws_claims(within: dict[str, Json] | None = None, **changes: Json) -> dict[str, Json]:
    """Return the claims of a role of the account 320987654321; `within` changes those that AWS nests."""
    return _changed(
        {
            "aud": "https://ecr.nordlicht.example",
            "exp": int(NOON) + 300,
            STS: _changed(
                {
                    "aws_account": "320987654321",
                    "org_id": "o-9z8y7x6w5v",
                    "original_session_exp": "2027-01-15T13:00:00Z",
                    "ou_path": "o-9z8y7x6w5v/r-qq11/ou-qq11-22223333/",
                    "principal_tags": {"team": "ruder"},
                    "request_tags": {"build": "ship:1"},
                    "source_region": "eu-central-1",
                },
                within or {},
            ),
            "iat": int(NOON),
            "iss": AWS_ISSUER,
            "jti": "d27f60b3-94a8-4c1e-8f05-6b3e1a7c9d42",
            "sub": "arn:aws:iam::320987654321:role/builds/ruder-ship",
        },
        changes,
    )


def _changed(claims: dict[str, Json], changes: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def caller_of(policy: Policy, issuer: str, claims: dict[str, Json], *, now: float = NOON) -> Caller:
    """Return the caller whose token with `claims` was verified for the entry `issuer`."""
    entry = policy.issuers[issuer]
    return Caller(issuer=entry, identity=identify(entry.preset, claims), claims=claims, now=now)
