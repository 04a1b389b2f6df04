import pytest

from tests.ci_jobs import issuer_of, job_claims
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("azure-devops")
ORGANIZATION = "b60e4f19-d2a7-4c38-8f95-03c7e1d6a5b2"
PRESET = PROVIDER.preset({}, issuer_of("azure-devops"))


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("azure-devops", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization_id": ORGANIZATION,
        "repository_id": "e915c0b8-27d4-4a6f-83e2-9d07f4a1c65b",
        "pipeline_id": "61",
        "ref": "refs/heads/main",
        "branch": "main",
        "run_id": "4021",
        "sha": "2a6f80d41b9c5e73f08a2d6c94e1b7503f8d2c96",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rpo_ref": "refs/tags/v1"}, {"branch": None, "tag": "v1"}),
        ({"rpo_ref": "refs/pull/3/merge"}, {"branch": None, "tag": None}),
        # code that lies elsewhere: a name is no id
        ({"rpo_id": "acme/shop"}, {"repository_id": None, "repository": None}),
        ({"sub": "p://stranger/x/y"}, {"organization": None, "pipeline": None}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(None, **changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({}, None),
        ({"rpo_ref": "refs/tags/v1"}, None),
        ({"rpo_ref": "refs/pull/3/merge"}, "a ref that is neither a branch nor a tag, 'refs/pull/3/merge'"),
        ({"rpo_ref": "main"}, "a ref that is neither a branch nor a tag, 'main'"),
        ({"rpo_ref": None}, "a ref that is neither a branch nor a tag, ''"),
    ],
)
def test_runs_that_outsiders_can_start(changes: dict[str, Json], trigger: str | None) -> None:
    assert identify(PRESET, job_claims("azure-devops", None, **changes)).untrusted_trigger == trigger


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        ("service-connection", {}, Reason.MISSING_CLAIM, "def_id"),
        (None, {"def_id": None}, Reason.MISSING_CLAIM, "def_id"),
        (None, {"prj_id": ""}, Reason.MISSING_CLAIM, "prj_id"),
        # every organization has the same keys
        (None, {"org_id": ORGANIZATION.replace("b", "c")}, Reason.INVALID_CLAIM, "org_id"),
        (None, {"def_id": 61}, Reason.INVALID_CLAIM, "def_id"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("azure-devops", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "organization"),
        ({"organization": "acme"}, None, "organization"),
        ({"organization": ORGANIZATION}, "https://vstoken.dev.azure.com/other", "issuer"),
        ({}, "https://vstoken.dev.azure.com/", "issuer"),
        ({}, "https://vstoken.dev.azure.com/acme", "issuer"),
        # what a newer service connection has: the issuer of a whole tenant
        ({}, "https://login.microsoftonline.com/b60e4f19-d2a7-4c38-8f95-03c7e1d6a5b2/v2.0", "issuer"),
    ],
)
def test_issuers_that_it_cannot_have(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    check_bad_setting(PROVIDER, settings, issuer, key)


def test_preset_values() -> None:
    assert PRESET.issuer == PROVIDER.preset({"organization": ORGANIZATION}, None).issuer
    assert PRESET.shared_audience("api://AzureADTokenExchange")
    assert PRESET.required == {("def_id",), ("org_id",), ("prj_id",)}
    assert not {"ref", "branch", "tag", "sha"} & PRESET.proven
