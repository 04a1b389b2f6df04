import pytest

from tests.ci_jobs import issuer_of, job_claims
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("circleci")
AT = "oidc.circleci.com/"
ORGANIZATION = "84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463"
PRESET = PROVIDER.preset({}, issuer_of("circleci"))


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("circleci", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization_id": ORGANIZATION,
        "repository": "acme/shop",
        "pipeline_id": "d3907c5e-1ab8-4f26-8e74-b95a60c2f1d7",
        "ref": "refs/heads/main",
        "branch": "main",
        "run_id": "a17e94d0-3c58-4b6f-82d9-7f50b1e6c348",
        "job_id": "f82c3a67-905e-4d1b-a7c4-36b9d0e2581f",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({f"{AT}vcs-ref": "refs/tags/v1"}, {"branch": None, "tag": "v1"}),
        ({f"{AT}vcs-ref": "refs/pull/7/head"}, {"branch": None, "tag": None, "ref": "refs/pull/7/head"}),
        # a custom webhook has neither; the type of a commit is not documented
        ({f"{AT}vcs-ref": None, f"{AT}vcs-origin": None}, {"branch": None, "ref": None, "repository": None}),
        ({f"{AT}vcs-sha": "ab" * 20}, {"sha": None}),
        ({f"{AT}vcs-origin": "github.com/stranger/shop"}, {"repository": "stranger/shop"}),
        # who started it is a part of sub, which is never taken apart
        ({"sub": "org/x/project/y/user/z"}, {"actor": None, "actor_id": None}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(None, **changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({}, None),
        ({f"{AT}vcs-ref": "refs/pull/7/head"}, "a pull request, refs/pull/7/head"),
        ({f"{AT}vcs-ref": None}, None),
    ],
)
def test_runs_that_outsiders_can_start(changes: dict[str, Json], trigger: str | None) -> None:
    assert identify(PRESET, job_claims("circleci", None, **changes)).untrusted_trigger == trigger


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        ("ssh-rerun", {}, Reason.INVALID_CLAIM, f"{AT}ssh-rerun"),
        (None, {f"{AT}ssh-rerun": None}, Reason.MISSING_CLAIM, f"{AT}ssh-rerun"),
        # the stream of audit logs, of the same issuer
        (None, {f"{AT}project-id": None}, Reason.MISSING_CLAIM, f"{AT}project-id"),
        # an organization that is not the issuer's
        (None, {f"{AT}org-id": ORGANIZATION.replace("8", "9")}, Reason.INVALID_CLAIM, f"{AT}org-id"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("circleci", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "organization"),
        ({"organization": "acme"}, None, "organization"),
        ({"organization": ORGANIZATION.upper()}, None, "organization"),
        ({"organization": ORGANIZATION}, "https://oidc.circleci.com", "issuer"),
        ({}, f"https://oidc.circleci.com/org/{ORGANIZATION}/", "issuer"),
        ({}, "https://oidc.circleci.com/", "issuer"),
        ({}, f"https://circleci.acme.example/org/{ORGANIZATION}", "issuer"),
    ],
)
def test_issuers_that_it_cannot_have(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    check_bad_setting(PROVIDER, settings, issuer, key)


def test_the_root_issuer_is_shared() -> None:
    preset = PROVIDER.preset({}, "https://oidc.circleci.com")
    other = job_claims("circleci", None, **{f"{AT}org-id": "00000000-1111-4222-8333-444444444444"})
    assert identify(preset, other).vocabulary["organization_id"] == "00000000-1111-4222-8333-444444444444"


def test_preset_values() -> None:
    assert PRESET.issuer == PROVIDER.preset({"organization": ORGANIZATION}, None).issuer
    assert PRESET.must_match == {(f"{AT}vcs-origin",)}
    assert PRESET.is_declared("repository")
    assert not {"repository", "ref", "branch", "tag"} & PRESET.proven
    assert PRESET.shared_audience(ORGANIZATION)
    # one of the organization's, and so a UUID; every other audience is the job's choice
    for audience in (f"{ORGANIZATION}0", ORGANIZATION[1:], ORGANIZATION.replace("-", ""), "~" + ORGANIZATION[1:], "x"):
        assert not PRESET.shared_audience(audience)
