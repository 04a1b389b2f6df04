import pytest

from tests.ci_claims import BITBUCKET_ISSUER, ENVIRONMENT, REPOSITORY, WORKSPACE, bitbucket_claims
from tests.presets.checks import check_bad_setting
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.presets.catalog import providers

PROVIDER = providers()["bitbucket-pipelines"]
PRESET = PROVIDER.preset({"workspace": "fjordbyte"}, None)


def vocabulary(**changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, bitbucket_claims(**changes)).vocabulary)


def test_a_step() -> None:
    assert vocabulary() == {
        "organization": "fjordbyte",
        "organization_id": WORKSPACE,
        "repository_id": REPOSITORY,
        "branch": "main",
        "run_id": "716a5b4c-3d2e-4f10-8897-a6b5c4d3e2f1",
        "job_id": "e8f60b7a-5d4c-4b3a-9281-706f5e4d3c2b",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"deploymentEnvironmentUuid": f"{{{ENVIRONMENT}}}"}, {"environment": ENVIRONMENT}),
        # an older token's environment is a name, which is no id
        ({"deploymentEnvironment": "testing"}, {"environment": None}),
        ({"branchName": None}, {"branch": None}),
        # a provider that leaves its braces off changes nothing
        ({"repositoryUuid": REPOSITORY}, {"repository_id": REPOSITORY}),
        ({"aud": ["https://ecr.nordlicht.example"]}, {"branch": "main"}),
        # the workspace is the issuer's, whatever a claim says
        ({"organization": "evil", "workspace": "evil"}, {"organization": "fjordbyte"}),
        ({"sub": "{x}:{y}"}, {"repository_id": REPOSITORY}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(**changes)
    assert {name: found.get(name) for name in expected} == expected


def test_no_run_is_known_to_be_an_outsiders() -> None:
    assert identify(PRESET, bitbucket_claims(branchName="feature")).untrusted_trigger is None


@pytest.mark.parametrize(
    ("settings", "issuer"),
    [
        ({"workspace": "fjordbyte"}, None),
        ({"workspace": "fjordbyte"}, BITBUCKET_ISSUER),
        ({}, BITBUCKET_ISSUER),
    ],
)
def test_workspace_and_issuer_follow_from_each_other(settings: dict[str, Json], issuer: str | None) -> None:
    found = PROVIDER.preset(settings, issuer)
    assert found.issuer == BITBUCKET_ISSUER
    assert identify(found, bitbucket_claims()).vocabulary["organization"] == "fjordbyte"


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "workspace"),
        ({"workspace": ""}, None, "workspace"),
        ({"workspace": None}, None, "workspace"),
        ({"workspace": "a/b"}, None, "workspace"),
        ({"workspace": ".."}, None, "workspace"),
        ({"workspace": "a?b"}, None, "workspace"),
        ({"workspace": "other"}, BITBUCKET_ISSUER, "issuer"),
        ({}, f"{BITBUCKET_ISSUER}/", "issuer"),
        ({}, BITBUCKET_ISSUER.replace("fjordbyte", ""), "issuer"),
        ({}, BITBUCKET_ISSUER.replace("fjordbyte", ".."), "issuer"),
        ({}, BITBUCKET_ISSUER.replace("fjordbyte", "a/b"), "issuer"),
        ({}, BITBUCKET_ISSUER.replace("api.bitbucket.org", "api.bitbucket.org.evil.example"), "issuer"),
        ({}, BITBUCKET_ISSUER.replace("api.bitbucket.org", "apixbitbucket.org"), "issuer"),
        ({}, BITBUCKET_ISSUER.replace("https", "http"), "issuer"),
        ({}, "https://api.bitbucket.org", "issuer"),
    ],
)
def test_an_issuer_that_is_not_a_workspaces_is_refused(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    check_bad_setting(PROVIDER, settings, issuer, key)


def test_preset_values() -> None:
    assert PRESET.required == {("workspaceUuid",), ("repositoryUuid",), ("stepUuid",)}
    assert (PRESET.algorithms, PRESET.max_lifetime_seconds) == (("RS256",), 7200)
    assert PRESET.minted == "once-per-job"
    assert "branch" not in PRESET.proven
    assert not PRESET.ignores_case
    assert PRESET.shared_audience(f"ari:cloud:bitbucket::workspace/{WORKSPACE}")
    assert not PRESET.shared_audience("https://ecr.nordlicht.example")
