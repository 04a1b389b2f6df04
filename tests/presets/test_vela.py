import pytest

from tests.ci_jobs import issuer_of, job_claims
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("vela")
PRESET = PROVIDER.preset({}, issuer_of("vela"))


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("vela", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "acme",
        "repository": "acme/shop",
        "ref": "refs/heads/main",
        "branch": "main",
        "event": "push",
        "run_id": "77120",
        "actor": "ada",
        "actor_id": "5001",
        "sha": "91d6f2a8c05b3e74f19d8c6a20e7b5493f81c0d2",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ref": "refs/tags/v1", "event": "tag"}, {"branch": None, "tag": "v1"}),
        # the claim branch is never looked at: in a pull request it is the target's
        ({"ref": "refs/pull/7/head", "branch": "main"}, {"branch": None, "tag": None}),
        ({"repo": "acme"}, {"organization": None, "repository": "acme"}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(None, **changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({}, None),
        ({"pull_fork": None}, None),
        ({"event": "deployment:created"}, None),
        ({"event": "schedule"}, None),
        ({"pull_fork": "true"}, "a pull request from a fork"),
        ({"pull_fork": "True"}, "a pull request from a fork"),
        ({"event": "pull_request:opened"}, "event pull_request:opened"),
        ({"event": "comment:created"}, "event comment:created"),
        ({"event": "pushed"}, "event pushed"),
    ],
)
def test_runs_that_outsiders_can_start(changes: dict[str, Json], trigger: str | None) -> None:
    assert identify(PRESET, job_claims("vela", None, **changes)).untrusted_trigger == trigger


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        # the token with which a step asks for this one, and others of the server
        (None, {"token_type": "IDRequest"}, Reason.INVALID_CLAIM, "token_type"),
        (None, {"token_type": None}, Reason.MISSING_CLAIM, "token_type"),
        (None, {"build_id": None}, Reason.MISSING_CLAIM, "build_id"),
        (None, {"pull_fork": True}, Reason.INVALID_CLAIM, "pull_fork"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("vela", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "host"),
        ({"host": "https://vela.acme.example"}, None, "host"),
        ({"host": "vela.acme.example"}, "https://vela.other.example/_services/token", "issuer"),
        ({}, "http://vela.acme.example/_services/token", "issuer"),
        ({}, "https://vela.acme.example/?x=1", "issuer"),
    ],
)
def test_issuers_that_it_cannot_have(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    check_bad_setting(PROVIDER, settings, issuer, key)


@pytest.mark.parametrize("issuer", ["https://vela.acme.example", "https://id.acme.example/ci/vela/"])
def test_an_issuer_that_the_servers_settings_name(issuer: str) -> None:
    preset = PROVIDER.preset({}, issuer)
    assert preset.issuer == issuer
    assert identify(preset, job_claims("vela", "fork")).untrusted_trigger == "a pull request from a fork"


def test_preset_values() -> None:
    own = PROVIDER.preset({"host": "vela.acme.example"}, None)
    assert own.issuer == "https://vela.acme.example/_services/token"
    assert not {"organization_id", "repository_id"} & PRESET.vocabulary.keys()
