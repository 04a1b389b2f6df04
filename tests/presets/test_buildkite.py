import pytest

from tests.ci_jobs import job_claims
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("buildkite")
PRESET = PROVIDER.preset({}, None)


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("buildkite", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "acme",
        "organization_id": "01981c7a-0d4e-7b13-8f52-6a9c3e71d804",
        "pipeline": "shop-images",
        "pipeline_id": "01981c7e-5b2d-7f60-93a8-d4e1b07c92f5",
        "branch": "main",
        "event": "webhook",
        "run_id": "318",
        "job_id": "019a64f1-72c0-7e3d-a5b8-0f96d1c4e72a",
        "sha": "c7d20e9b5f1a4836e0b9d27c41f58a6390e2d7b4",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # a tag may be called main, and the branch is then called so too
        ({"build_tag": "main"}, {"branch": None, "tag": "main"}),
        ({"build_tag": ""}, {"branch": "main", "tag": None}),
        # the job chooses which id it is
        ({"sub": "01981c7e-0000-7f60-93a8-d4e1b07c92f5"}, {"pipeline_id": "01981c7e-5b2d-7f60-93a8-d4e1b07c92f5"}),
        ({"step_key": None}, {"workflow": None}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(None, **changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        # a step that did not ask for the ids
        ("default-claims", {}, Reason.MISSING_CLAIM, "organization_id"),
        (None, {"pipeline_id": None}, Reason.MISSING_CLAIM, "pipeline_id"),
        (None, {"build_number": True}, Reason.INVALID_CLAIM, "build_number"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("buildkite", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://agent.buildkite.com/",
        "http://agent.buildkite.com",
        "https://agent.buildkite.com.evil.example",
        "https://x.example",
    ],
)
def test_there_is_one_issuer(issuer: str) -> None:
    check_bad_setting(PROVIDER, {}, issuer, "issuer")
    assert PROVIDER.preset({}, None).issuer == "https://agent.buildkite.com"


@pytest.mark.parametrize(
    ("audience", "shared"),
    [
        ("https://buildkite.com/acme", True),
        ("https://buildkite.com/acme/x", False),
        ("https://buildkite.com.evil.example/acme", False),
        ("https://exchange.acme.example", False),
    ],
)
def test_the_default_audience_is_shared(audience: str, shared: bool) -> None:  # noqa: FBT001 - a table's column
    assert PRESET.shared_audience(audience) is shared


def test_preset_values() -> None:
    assert not {"branch", "tag", "sha"} & PRESET.proven
    assert PRESET.minted == "on-request"
