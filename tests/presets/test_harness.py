import pytest

from tests.ci_jobs import issuer_of, job_claims
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("harness")
ACCOUNT = "bX4tRk9wQe2LmZ7sVy1Nha"
PRESET = PROVIDER.preset({}, issuer_of("harness"))


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("harness", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": ACCOUNT,
        "organization_id": ACCOUNT,
        "pipeline_id": "shop_images",
        "environment": "prod",
        "actor": "ada@acme.example",
    }


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        # the account is the issuer's
        ("other-account", {}, Reason.INVALID_CLAIM, "account_id"),
        (None, {"account_id": None}, Reason.MISSING_CLAIM, "account_id"),
        (None, {"pipeline_id": None}, Reason.MISSING_CLAIM, "pipeline_id"),
        (None, {"organization_id": ""}, Reason.MISSING_CLAIM, "organization_id"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("harness", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "account"),
        ({"account": "a/b"}, None, "account"),
        ({"account": ""}, None, "account"),
        ({"account": ACCOUNT}, "https://app.harness.io/ng/api/oidc/account/other", "issuer"),
        ({}, f"https://app.harness.io/ng/api/oidc/account/{ACCOUNT}/", "issuer"),
        ({}, "https://app.harness.io/ng/api/oidc/account/", "issuer"),
    ],
)
def test_issuers_that_it_cannot_have(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    check_bad_setting(PROVIDER, settings, issuer, key)


def test_only_the_account_is_proven() -> None:
    assert PRESET.proven == {"organization", "organization_id"}
    assert all(PRESET.is_declared(name) for name in PRESET.vocabulary.keys() - PRESET.proven)
    assert PRESET.issuer == PROVIDER.preset({"account": ACCOUNT}, None).issuer
