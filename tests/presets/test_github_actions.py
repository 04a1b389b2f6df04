import pytest

from tests.ci_claims import github_claims
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.presets.catalog import providers
from token_exchange.presets.provider import BadSetting

PRESET = providers()["github-actions"].preset({}, None)

EVENTS = [
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "dynamic",
    "fork",
    "gollum",
    "image_version",
    "issue_comment",
    "issues",
    "label",
    "merge_group",
    "milestone",
    "page_build",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_target",
    "push",
    "registry_package",
    "release",
    "repository_dispatch",
    "schedule",
    "status",
    "watch",
    "workflow_call",
    "workflow_dispatch",
    "workflow_run",
]
"""Every event of GitHub Docs, "Events that trigger workflows", and `dynamic`, which Dependabot's runs have."""

MEMBERS_ONLY = {
    "push",
    "create",
    "release",
    "workflow_dispatch",
    "repository_dispatch",
    "schedule",
    "merge_group",
    "deployment",
}


def vocabulary(**changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, github_claims(**changes)).vocabulary)


def test_a_push() -> None:
    assert vocabulary() == {
        "organization": "nordlicht",
        "organization_id": "4400117",
        "repository": "nordlicht/kompass",
        "repository_id": "900100200",
        "workflow": "ship",
        "workflow_ref": "nordlicht/kompass/.github/workflows/ship.yml@refs/heads/main",
        "ref": "refs/heads/main",
        "branch": "main",
        "ref_protected": True,
        "event": "push",
        "run_id": "7000000001",
        "job_id": "30111222333",
        "actor": "ada-mueller",
        "actor_id": "1815",
        "sha": "ab" * 20,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ref": "refs/tags/v1.4.0", "ref_type": "tag"}, {"tag": "v1.4.0", "branch": None}),
        # a pull request says `branch` of a ref that is none
        (
            {"ref": "refs/pull/7/merge", "event_name": "pull_request", "head_ref": "main", "base_ref": "main"},
            {"ref": "refs/pull/7/merge", "branch": None, "tag": None},
        ),
        ({"environment": "production"}, {"environment": "production", "branch": "main"}),
        # a reusable workflow is the one that the job runs
        (
            {"job_workflow_ref": "nordlicht/ci/.github/workflows/x.yml@refs/tags/v2"},
            {"workflow_ref": "nordlicht/ci/.github/workflows/x.yml@refs/tags/v2"},
        ),
        # a deployment may have no ref
        ({"ref": "", "event_name": "deployment"}, {"ref": None, "branch": None}),
        ({"ref_protected": "false"}, {"ref_protected": False}),
        ({"check_run_id": None}, {"job_id": None}),
        # spelling and case stay the provider's
        (
            {"repository_owner": "NordLicht", "repository": "NordLicht/Kompass"},
            {"organization": "NordLicht", "repository": "NordLicht/Kompass"},
        ),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | bool | None]) -> None:
    found = vocabulary(**changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "subject",
    [
        "repo:nordlicht/kompass:ref:refs/heads/main",
        "repo:nordlicht@4400117/kompass@900100200:ref:refs/heads/main",
        "repo:nordlicht/kompass:environment:production",
        "repository_owner:evil:repository_visibility:public",
        "repo:evil/other:ref:refs/heads/main",
    ],
)
def test_the_subject_is_never_taken_apart(subject: str) -> None:
    assert identify(PRESET, github_claims(sub=subject)) == identify(PRESET, github_claims())


@pytest.mark.parametrize("event", EVENTS)
def test_which_events_outsiders_can_cause(event: str) -> None:
    trigger = identify(PRESET, github_claims(event_name=event)).untrusted_trigger
    assert trigger == (None if event in MEMBERS_ONLY else f"event {event}")


@pytest.mark.parametrize("ref", ["", None])
def test_outsiders_can_start_a_deployment_without_a_ref(ref: str | None) -> None:
    """Preview bots deploy the commits of forks, and the workflow of the commit runs."""
    found = identify(PRESET, github_claims(event_name="deployment", ref=ref))
    assert found.untrusted_trigger == "event deployment of a commit without a ref"
    assert identify(PRESET, github_claims(event_name="push", ref="")).untrusted_trigger is None


@pytest.mark.parametrize("event", ["Push", "push ", "PUSH", "push\n", "brand_new", "{push}"])
def test_an_unknown_event_is_untrusted(event: str) -> None:
    assert identify(PRESET, github_claims(event_name=event)).untrusted_trigger is not None


@pytest.mark.parametrize(
    ("audience", "shared"),
    [
        ("https://github.com/nordlicht", True),
        ("https://github.com/", True),
        ("https://github.com/nordlicht/kompass", False),
        ("https://github.com", False),
        ("https://ecr.nordlicht.example", False),
    ],
)
def test_the_default_audience_is_shared(audience: str, shared: bool) -> None:  # noqa: FBT001 - a table's column
    assert PRESET.shared_audience(audience) is shared


@pytest.mark.parametrize(
    ("settings", "audience", "shared"),
    [
        ({"enterprise": "werft"}, "https://github.com/nordlicht", True),
        ({"ghe_com": "werft"}, "https://werft.ghe.com/nordlicht", True),
        ({"ghe_com": "werft", "enterprise": "werft"}, "https://werft.ghe.com/nordlicht", True),
        ({"host": "git.werft.example:8443"}, "https://git.werft.example:8443/nordlicht", True),
        ({"host": "git.werft.example"}, "https://ecr.werft.example", False),
        ({"host": "git.werft.example"}, "https://git.werft.example/nordlicht/kompass", False),
    ],
)
def test_the_default_audience_is_on_the_host_that_people_see(
    settings: dict[str, Json],
    audience: str,
    shared: bool,  # noqa: FBT001 - a table's column
) -> None:
    assert providers()["github-actions"].preset(settings, None).shared_audience(audience) is shared


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"enterprise": "werft"},
        {"ghe_com": "werft"},
        {"ghe_com": "werft", "enterprise": "nord-1"},
        {"host": "git.werft.example:8443"},
    ],
)
def test_an_issuer_stands_for_the_settings_that_build_it(settings: dict[str, Json]) -> None:
    github = providers()["github-actions"]
    built = github.preset(settings, None).issuer
    assert github.preset({}, built).issuer == built


@pytest.mark.parametrize(
    ("settings", "issuer"),
    [
        ({}, "https://token.actions.githubusercontent.com/"),
        ({}, "https://token.actions.githubusercontent.com/werft/x"),
        ({}, "https://token.actions.githubusercontent.com/wer ft"),
        ({}, "https://token.actions.githubusercontent.com.example/werft"),
        ({}, "https://token.actions.ghe.com"),
        ({}, "https://token.actions.a.b.ghe.com"),
        ({}, "https://other.werft.ghe.com"),
        ({"enterprise": "werft"}, "https://token.actions.githubusercontent.com/other"),
        ({"enterprise": "werft"}, "https://token.actions.githubusercontent.com"),
    ],
)
def test_an_issuer_of_another_form_is_refused(settings: dict[str, Json], issuer: str) -> None:
    with pytest.raises(BadSetting):
        providers()["github-actions"].preset(settings, issuer)


def test_preset_values() -> None:
    assert PRESET.required == {("repository_id",), ("event_name",), ("job_workflow_ref",)}
    assert (PRESET.algorithms, PRESET.max_lifetime_seconds) == (("RS256",), 3600)
    assert PRESET.ignores_case
    assert not PRESET.organization_is_path
    assert "workflow" not in PRESET.proven
    assert PRESET.minted == "on-request"
    assert providers()["github-actions"].settings == {"enterprise", "ghe_com", "host"}
