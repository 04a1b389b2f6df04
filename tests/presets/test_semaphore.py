import pytest

from tests.ci_jobs import issuer_of, job_claims
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("semaphore")
PRESET = PROVIDER.preset({}, issuer_of("semaphore"))


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("semaphore", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "acme",
        "organization_id": "c05b8e42-7d1f-4369-a8c0-e92f61d7b354",
        "repository": "acme/shop",
        "pipeline_id": "2d9e60b7-f41a-4c83-97e5-a0b8c36d1f52",
        "ref": "refs/heads/main",
        "branch": "main",
        "run_id": "87a3d5f0-1e6c-4b92-8d47-5c09b2e1fa63",
        "job_id": "e46d82b1-5a90-4f37-83cb-90d1f7c5a2e6",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ref": "refs/tags/v1", "ref_type": "tag", "branch": ""}, {"branch": None, "tag": "v1"}),
        # the claim branch is never looked at: in a pull request it is the target's
        ({"branch": "release"}, {"branch": "main"}),
        ({"ref": "refs/pull/7/merge", "ref_type": "pull-request"}, {"branch": None, "tag": None}),
        ({"ref": "refs/heads/main", "ref_type": "pull-request"}, {"branch": None}),
        # names that an organization can switch on
        ({"prj": "shop", "org": "stranger"}, {"pipeline": "shop", "organization": "acme"}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(None, **changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({}, None),
        ({"ref_type": "tag"}, None),
        ({"ref_type": "pull-request"}, "ref type pull-request"),
        ({"ref_type": "Branch"}, "ref type Branch"),
    ],
)
def test_runs_that_outsiders_can_start(changes: dict[str, Json], trigger: str | None) -> None:
    assert identify(PRESET, job_claims("semaphore", None, **changes)).untrusted_trigger == trigger


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        ("debug", {}, Reason.INVALID_CLAIM, "job_type"),
        (None, {"job_type": "project_debug_job"}, Reason.INVALID_CLAIM, "job_type"),
        # claims that an organization can switch off
        (None, {"job_type": None}, Reason.MISSING_CLAIM, "job_type"),
        (None, {"ref_type": None}, Reason.MISSING_CLAIM, "ref_type"),
        (None, {"org_id": None}, Reason.MISSING_CLAIM, "org_id"),
        (None, {"prj_id": ""}, Reason.MISSING_CLAIM, "prj_id"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("semaphore", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "organization"),
        ({"organization": "acme.evil"}, None, "organization"),
        ({"organization": "Acme"}, None, "organization"),
        ({"organization": ""}, None, "organization"),
        ({"organization": "acme"}, "https://globex.semaphoreci.com", "issuer"),
        ({}, "https://a.b.semaphoreci.com", "issuer"),
        ({}, "https://evil.example/.semaphoreci.com", "issuer"),
        ({}, "https://semaphoreci.com", "issuer"),
        ({}, "https://acme.ci.acme.example/", "issuer"),
        ({}, "https://localhost", "issuer"),
        ({"organization": "acme", "domain": "ci.acme.example/x"}, None, "domain"),
        ({"organization": "acme", "domain": "https://ci.acme.example"}, None, "domain"),
        ({"organization": "acme", "domain": "ci.acme.example"}, "https://acme.semaphoreci.com", "issuer"),
        ({"domain": "ci.acme.example"}, "https://a.b.ci.acme.example", "issuer"),
        ({"domain": "ci.acme.example"}, None, "organization"),
    ],
)
def test_issuers_that_it_cannot_have(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    check_bad_setting(PROVIDER, settings, issuer, key)


@pytest.mark.parametrize(
    ("settings", "issuer"),
    [
        ({"organization": "acme", "domain": "ci.acme.example"}, None),
        ({"domain": "ci.acme.example"}, "https://acme.ci.acme.example"),
        ({"organization": "acme"}, "https://acme.ci.acme.example"),
        ({}, "https://acme.ci.acme.example"),
    ],
)
def test_a_self_hosted_domain_has_its_issuer(settings: dict[str, Json], issuer: str | None) -> None:
    preset = PROVIDER.preset(settings, issuer)
    assert preset.issuer == "https://acme.ci.acme.example"
    assert preset.required_values == PRESET.required_values
    assert identify(preset, job_claims("semaphore")).vocabulary["organization"] == "acme"
    assert identify(preset, job_claims("semaphore", "pull-request")).untrusted_trigger == "ref type pull-request"


def test_the_starter_of_a_run_is_never_named() -> None:
    """The claim is there, and empty in every token."""
    assert job_claims("semaphore")["actor"] == ""
    assert not {"actor", "actor_id"} & PRESET.vocabulary.keys()
    assert {("actor",), ("tag",)} <= PRESET.empty_claims


def test_preset_values() -> None:
    assert PRESET.issuer == PROVIDER.preset({"organization": "acme"}, None).issuer
    assert PRESET.shared_audience(PRESET.issuer)
    assert PRESET.max_lifetime_seconds == 24 * 3600
    assert PRESET.minted == "once-per-job"
