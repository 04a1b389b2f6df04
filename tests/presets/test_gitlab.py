import pytest

from tests.ci_claims import gitlab_claims
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.presets.catalog import providers

PRESET = providers()["gitlab"].preset({}, None)

SOURCES = [
    "api",
    "chat",
    "container_registry_push",
    "duo_workflow",
    "external",
    "ondemand_dast_scan",
    "ondemand_dast_validation",
    "parent_pipeline",
    "pipeline",
    "pipeline_execution_policy",
    "push",
    "schedule",
    "security_orchestration_policy",
    "trigger",
    "web",
    "webide",
]
"""GitLab Docs, "Predefined CI/CD variables" (`CI_PIPELINE_SOURCE`), but for the two of merge requests."""


def vocabulary(**changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, gitlab_claims(**changes)).vocabulary)


def test_a_push() -> None:
    assert vocabulary() == {
        "organization": "werft/boote",
        "organization_id": "31",
        "repository": "werft/boote/jolle",
        "repository_id": "5150",
        "workflow_ref": "gitlab.com/werft/boote/jolle//.gitlab-ci.yml@refs/heads/main",
        "ref": "refs/heads/main",
        "branch": "main",
        "ref_protected": True,
        "event": "push",
        "run_id": "770001",
        "job_id": "880001",
        "actor": "grace.hopper",
        "actor_id": "1906",
        "sha": "cd" * 20,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"ref": "v1", "ref_type": "tag", "ref_path": "refs/tags/v1"},
            {"tag": "v1", "branch": None, "ref": "refs/tags/v1"},
        ),
        ({"environment": "production", "environment_protected": "true"}, {"environment": "production"}),
        # the ref of a merge request is its source branch, which a fork may call main
        ({"pipeline_source": "merge_request_event"}, {"branch": None, "tag": None, "event": "merge_request_event"}),
        ({"pipeline_source": "external_pull_request_event"}, {"branch": None, "tag": None}),
        ({"pipeline_source": "merge_request_event", "ref_type": "tag"}, {"branch": None, "tag": None}),
        # configured elsewhere
        ({"ci_config_ref_uri": None, "ci_config_sha": None}, {"workflow_ref": None}),
        ({"ref_protected": "false"}, {"ref_protected": False}),
        ({"groups_direct": ["werft"], "user_identities": [{"provider": "x", "extern_uid": "y"}]}, {"branch": "main"}),
        ({"sub": "project_id:1:anything"}, {"repository_id": "5150"}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | bool | None]) -> None:
    found = vocabulary(**changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize("source", SOURCES)
def test_sources_that_members_cause(source: str) -> None:
    assert identify(PRESET, gitlab_claims(pipeline_source=source)).untrusted_trigger is None


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({"pipeline_source": "merge_request_event"}, "pipeline source merge_request_event"),
        ({"pipeline_source": "external_pull_request_event"}, "pipeline source external_pull_request_event"),
        # a fork's job in the parent, as GitLab says it since 2025 and as it said it before
        ({"project_id": "666"}, "a job that runs in a project other than its own"),
        ({"job_project_id": "666"}, "a job that runs in a project other than its own"),
        ({"job_project_id": "666", "pipeline_source": "push"}, "a job that runs in a project other than its own"),
        ({"job_project_id": " 5150"}, "a job that runs in a project other than its own"),
        # an older GitLab does not say
        ({"job_project_id": None}, "a job that runs in a project other than its own"),
        ({"job_project_id": ""}, "a job that runs in a project other than its own"),
    ],
)
def test_runs_that_outsiders_can_start(changes: dict[str, Json], trigger: str) -> None:
    assert identify(PRESET, gitlab_claims(**changes)).untrusted_trigger == trigger


def test_preset_values() -> None:
    assert PRESET.required == {("project_id",), ("job_id",)}
    assert (PRESET.algorithms, PRESET.max_lifetime_seconds) == (("RS256",), 24 * 3600)
    assert PRESET.organization_is_path
    assert PRESET.ignores_case
    assert PRESET.minted == "once-per-job"


def test_a_self_hosted_server_has_its_own_issuer_and_audience() -> None:
    own = providers()["gitlab"].preset({}, "https://git.werft.example/gitlab")
    assert own.issuer == "https://git.werft.example/gitlab"
    assert own.shared_audience("https://git.werft.example/gitlab")
    assert not own.shared_audience("https://gitlab.com")
