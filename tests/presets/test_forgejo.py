import pytest

from tests.ci_jobs import issuer_of, job_claims
from token_exchange.core.identity import BadSetting, identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("forgejo")
PRESET = PROVIDER.preset({}, issuer_of("forgejo"))


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("forgejo", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "acme",
        "organization_id": "31",
        "repository": "acme/shop",
        "repository_id": "301",
        "workflow": "images.yml",
        "workflow_ref": "acme/shop/.forgejo/workflows/images.yml@refs/heads/main",
        "ref": "refs/heads/main",
        "branch": "main",
        "ref_protected": True,
        "event": "push",
        "run_id": "6120",
        "actor": "ada",
        "actor_id": "5",
        "sha": "58e0c2b97d1f4a63b8c05e9d27f16a4830d7e5c1",
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
    assert identify(PRESET, job_claims("forgejo", None, **changes)).untrusted_trigger == trigger


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        (None, {"event_name": None}, Reason.MISSING_CLAIM, "event_name"),
        (None, {"workflow_ref": ""}, Reason.MISSING_CLAIM, "workflow_ref"),
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
        ({"host": "git.acme.example"}, "https://other.example/api/actions", "issuer"),
        ({}, "https://git.acme.example/api/actions/", "issuer"),
        ({}, "https:///api/actions", "issuer"),
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
    assert preset.issuer == PROVIDER.preset({}, preset.issuer).issuer == f"https://{host}/api/actions"
    assert preset.shared_audience(f"https://{host}/acme")
    assert not preset.shared_audience("https://exchange.acme.example/acme")


def test_what_is_known_of_it() -> None:
    assert PRESET.ignores_case
    assert "workflow" not in PRESET.proven


def test_versions_that_send_no_ids() -> None:
    found = vocabulary(repository_id=None, repository_owner_id=None, actor_id=None)
    assert not {"repository_id", "organization_id", "actor_id"} & found.keys()
    assert found["repository"] == "acme/shop"


def test_two_forms_of_one_subject_are_two_repositories() -> None:
    """An owner called acme-31 can have a repository shop-301, whose old form is the new one of acme/shop."""
    changes: dict[str, Json] = {"repository": "acme-31/shop-301", "repository_id": "9", "repository_owner_id": "8"}
    subject = job_claims("forgejo")["sub"]
    stranger = vocabulary(None, **changes, sub=subject)
    assert (stranger["repository"], stranger["repository_id"]) == ("acme-31/shop-301", "9")
