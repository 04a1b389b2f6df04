import pytest

from tests.ci_jobs import issuer_of, job_claims
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("jenkins")
PRESET = PROVIDER.preset({}, issuer_of("jenkins"))


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("jenkins", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "localhost",
        "pipeline": "https://jenkins.acme.example/job/shop/job/main/",
        "run_id": "41",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # an administrator's own templates
        ({"sub": "job:shop/main"}, {"pipeline": "job:shop/main"}),
        ({"build_number": "42"}, {"run_id": "42"}),
        ({"organization": "stranger", "branch": "main"}, {"organization": "localhost", "branch": None}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(None, **changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        ("no-build", {}, Reason.MISSING_CLAIM, "build_number"),
        (None, {"build_number": True}, Reason.INVALID_CLAIM, "build_number"),
        (None, {"build_number": [1]}, Reason.INVALID_CLAIM, "build_number"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("jenkins", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "host"),
        ({"host": "https://jenkins.acme.example"}, None, "host"),
        ({"host": "jenkins.acme.example"}, "https://jenkins.acme.example/oidc/job/shop", "issuer"),
        ({}, "jenkins.acme.example/oidc", "issuer"),
        ({}, "https://jenkins.acme.example/oidc?x=1", "issuer"),
    ],
)
def test_issuers_that_it_cannot_have(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    check_bad_setting(PROVIDER, settings, issuer, key)


@pytest.mark.parametrize(
    ("settings", "issuer", "organization"),
    [
        ({"host": "jenkins.acme.example"}, None, "jenkins.acme.example"),
        ({"host": "jenkins.acme.example:8443"}, None, "jenkins.acme.example"),
        ({}, "https://jenkins.acme.example/oidc/job/shop", "jenkins.acme.example"),
        ({}, "https://published.acme.example/a/b", "published.acme.example"),
    ],
)
def test_a_controller_is_its_own_organization(settings: dict[str, Json], issuer: str | None, organization: str) -> None:
    preset = PROVIDER.preset(settings, issuer)
    assert preset.vocabulary["organization"].read({}) == organization
    assert issuer in (None, preset.issuer)


def test_preset_values() -> None:
    assert PRESET.issuer.endswith("/jenkins/oidc")
    assert PROVIDER.preset({"host": "jenkins.acme.example"}, None).issuer == "https://jenkins.acme.example/oidc"
    assert "organization_id" not in PRESET.vocabulary
