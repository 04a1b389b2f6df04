import pytest

from tests.ci_jobs import job_claims
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("hcp-terraform")
PRESET = PROVIDER.preset({}, None)


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("hcp-terraform", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "acme",
        "organization_id": "org-W7pXn2LcYh5sGf9J",
        "pipeline": "shop-prod",
        "pipeline_id": "ws-Qm4kTz81vRbLxD3e",
        "run_id": "run-Yb5Zc9GhTk2MwPq7",
    }


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({}, None),
        ({"terraform_run_phase": "plan"}, "run phase plan"),
        ({"terraform_run_phase": "Apply"}, "run phase Apply"),
        ({"terraform_run_phase": "test"}, "run phase test"),
    ],
)
def test_runs_that_outsiders_can_start(changes: dict[str, Json], trigger: str | None) -> None:
    assert identify(PRESET, job_claims("hcp-terraform", None, **changes)).untrusted_trigger == trigger


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        # a Stack's token, of which nothing but sub is documented
        (None, dict.fromkeys(sorted(PRESET.claims)), Reason.MISSING_CLAIM, "terraform_organization_id"),
        (None, {"terraform_run_phase": None}, Reason.MISSING_CLAIM, "terraform_run_phase"),
        (None, {"terraform_workspace_id": ""}, Reason.MISSING_CLAIM, "terraform_workspace_id"),
        (None, {"terraform_run_phase": ["apply"]}, Reason.INVALID_CLAIM, "terraform_run_phase"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("hcp-terraform", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({"host": "https://tfe.acme.example"}, None, "host"),
        ({"host": "TFE.acme.example"}, None, "host"),
        ({"host": "tfe.acme.example/x"}, None, "host"),
        ({"host": "tfe.acme.example"}, "https://app.terraform.io", "issuer"),
        ({}, "https://tfe.acme.example/", "issuer"),
        ({}, "http://tfe.acme.example", "issuer"),
    ],
)
def test_issuers_that_it_cannot_have(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    check_bad_setting(PROVIDER, settings, issuer, key)


@pytest.mark.parametrize(
    ("settings", "issuer", "expected"),
    [
        ({}, None, "https://app.terraform.io"),
        ({"host": "app.eu.terraform.io"}, None, "https://app.eu.terraform.io"),
        ({}, "https://tfe.acme.example:8443", "https://tfe.acme.example:8443"),
    ],
)
def test_issuers(settings: dict[str, Json], issuer: str | None, expected: str) -> None:
    assert PROVIDER.preset(settings, issuer).issuer == expected


@pytest.mark.parametrize("audience", ["aws.workload.identity", "vault.workload.identity", "api://AzureADTokenExchange"])
def test_default_audiences_of_dynamic_credentials_are_shared(audience: str) -> None:
    assert PRESET.shared_audience(audience)
    assert not PRESET.shared_audience("https://exchange.acme.example")


def test_preset_values() -> None:
    assert PRESET.minted == "once-per-job"
    assert PRESET.max_lifetime_seconds == 24 * 3600
