import pytest

from tests.ci_jobs import issuer_of, job_claims
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("spacelift")
RUN = "01KB3XV8N2C6Z4L9P7D5F1S3A0"
PRESET = PROVIDER.preset({}, issuer_of("spacelift"))


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("spacelift", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {"organization": "acme", "pipeline_id": "shop-images", "event": "TRACKED", "run_id": RUN}


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({}, None),
        ({"runType": "TASK"}, None),
        ({"runType": "DESTROY"}, None),
        ({"runType": "PROPOSED"}, "run type PROPOSED"),
        # a module's tests run on pull requests too
        ({"runType": "TESTING"}, "run type TESTING"),
        ({"runType": "tracked"}, "run type tracked"),
    ],
)
def test_runs_that_outsiders_can_start(changes: dict[str, Json], trigger: str | None) -> None:
    assert identify(PRESET, job_claims("spacelift", None, **changes)).untrusted_trigger == trigger


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        (None, {"callerId": None}, Reason.MISSING_CLAIM, "callerId"),
        (None, {"callerType": ""}, Reason.MISSING_CLAIM, "callerType"),
        (None, {"runType": None}, Reason.MISSING_CLAIM, "runType"),
        (None, {"runType": ["TRACKED"]}, Reason.INVALID_CLAIM, "runType"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("spacelift", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "account"),
        ({"account": "a.b"}, None, "account"),
        ({"account": "acme"}, "https://spacelift.acme.example", "issuer"),
        ({}, "https://acme.app.spacelift.io/", "issuer"),
        ({}, "https://a.b.app.spacelift.io", "issuer"),
        ({}, "https://acme.spacelift.io", "issuer"),
        ({}, "https://acme.app.spacelift.io:443", "issuer"),
        ({}, "https://acme.app.SPACELIFT.io", "issuer"),
        ({}, "http://spacelift.acme.example", "issuer"),
    ],
)
def test_issuers_that_it_cannot_have(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    check_bad_setting(PROVIDER, settings, issuer, key)


def test_a_self_hosted_installation_is_its_own_organization() -> None:
    preset = PROVIDER.preset({}, "https://spacelift.acme.example:8443/x")
    assert preset.issuer == "https://spacelift.acme.example:8443/x"
    assert preset.vocabulary["organization"].read({}) == "spacelift.acme.example"
    # not the service's hosts, though they look like them
    for host in ("acme.spacelift-io.example", "acme-spacelift.io", "acme.app.spacelift.io.example"):
        assert PROVIDER.preset({}, f"https://{host}").vocabulary["organization"].read({}) == host


def test_preset_values() -> None:
    assert PRESET.issuer == PROVIDER.preset({"account": "acme"}, None).issuer
    assert PRESET.shared_audience("acme.app.spacelift.io")
    assert PRESET.minted == "once-per-job"
