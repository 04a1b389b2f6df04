import pytest

from tests.ci_jobs import issuer_of, job_claims
from token_exchange.core.identity import BadSetting, identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("gitea")
PRESET = PROVIDER.preset({}, issuer_of("gitea"))


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("gitea", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "acme",
        "organization_id": "41",
        "repository": "acme/shop",
        "repository_id": "401",
        "workflow": "images.yml",
        "workflow_ref": "acme/shop/.gitea/workflows/images.yml@refs/heads/main",
        "ref": "refs/heads/main",
        "branch": "main",
        "ref_protected": True,
        "event": "push",
        "run_id": "7120",
        "actor": "ada",
        "actor_id": "5",
        "sha": "e7b4095d3c2f81a6d09e5b7c14f83a2690c6d8e5",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ref": "refs/tags/v1", "ref_type": "tag"}, {"branch": None, "tag": "v1"}),
        ({"ref": "refs/pull/7/merge"}, {"branch": None, "tag": None}),
        ({"sub": "repo:stranger/x:ref:refs/heads/main"}, {"repository": "acme/shop"}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(None, **changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({"event_name": "push"}, None),
        ({"event_name": "create"}, None),
        ({"event_name": "release"}, None),
        ({"event_name": "workflow_dispatch"}, None),
        ({"event_name": "schedule"}, None),
        ({"event_name": "pull_request"}, "event pull_request"),
        ({"event_name": "pull_request_target"}, "event pull_request_target"),
        ({"event_name": "issue_comment"}, "event issue_comment"),
        ({"event_name": "brand_new"}, "event brand_new"),
    ],
)
def test_what_outsiders_can_start(changes: dict[str, Json], trigger: str | None) -> None:
    assert identify(PRESET, job_claims("gitea", None, **changes)).untrusted_trigger == trigger


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        (None, {"event_name": None}, Reason.MISSING_CLAIM, "event_name"),
        (None, {"repository_id": ""}, Reason.MISSING_CLAIM, "repository_id"),
        (None, {"ref_protected": "yes"}, Reason.INVALID_CLAIM, "ref_protected"),
        (None, {"repository_id": 301}, Reason.INVALID_CLAIM, "repository_id"),
    ],
)
def test_tokens_that_are_no_jobs(scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str) -> None:
    with pytest.raises(Refused) as refused:
        vocabulary(scenario, **changes)
    assert refused.value.reason is reason
    assert f"claim {claim}:" in refused.value.description


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "host"),
        ({"host": "https://git.acme.example"}, None, "host"),
        ({"host": "git.acme.example/"}, None, "host"),
        ({"host": "git.acme.example/a//b"}, None, "host"),
        ({"host": "git.acme.example"}, "https://other.example/api/actions/oidc", "issuer"),
        ({}, "https://git.acme.example/api/actions/oidc/", "issuer"),
        ({}, "https:///api/actions/oidc", "issuer"),
        ({}, "https://git.acme.example", "issuer"),
    ],
)
def test_issuers_that_it_cannot_have(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    with pytest.raises(BadSetting) as bad:
        PROVIDER.preset(settings, issuer)
    assert bad.value.key == key


@pytest.mark.parametrize("host", ["git.acme.example", "git.acme.example:8443", "acme.example/git"])
def test_issuers(host: str) -> None:
    preset = PROVIDER.preset({"host": host}, None)
    assert preset.issuer == PROVIDER.preset({}, preset.issuer).issuer == f"https://{host}/api/actions/oidc"
    assert preset.shared_audience(f"https://{host}/acme")
    assert not preset.shared_audience("https://exchange.acme.example/acme")


def test_what_is_known_of_it() -> None:
    assert PRESET.ignores_case
    assert "workflow" not in PRESET.proven
