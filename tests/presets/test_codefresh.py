import pytest

from tests.ci_jobs import job_claims
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.presets.catalog import provider_named
from token_exchange.presets.provider import BadSetting

PROVIDER = provider_named("codefresh")
PRESET = PROVIDER.preset({}, None)


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("codefresh", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "acme",
        "organization_id": "64d2f8b10c3e5a7961b4e0d8",
        "repository": "acme/shop",
        "pipeline": "shop/images",
        "pipeline_id": "67c1e9f05a2b4d8376e0a1c9",
        "ref": "main",
        "run_id": "68f00a1d3c5e7b9264d8f1a3",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scm_pull_request_target_branch": "main"}, {"ref": None}),
        # a tag, which nothing tells from a branch
        ({"scm_ref": "v1.0.0"}, {"ref": "v1.0.0", "branch": None, "tag": None}),
        # started by hand
        (
            {"initiator": "ada", "scm_ref": None, "scm_repo_url": None},
            {"actor": "ada", "ref": None, "repository": None},
        ),
        # users choose what is in it, colons too
        ({"sub": "account:x:pipeline:y:scm_ref:main"}, {"pipeline_id": "67c1e9f05a2b4d8376e0a1c9"}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(None, **changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({}, None),
        ({"scm_pull_request_target_branch": "main"}, "a pull request to main"),
        ({"scm_pull_request_target_branch": ""}, "a pull request to "),
    ],
)
def test_runs_that_outsiders_can_start(changes: dict[str, Json], trigger: str | None) -> None:
    assert identify(PRESET, job_claims("codefresh", None, **changes)).untrusted_trigger == trigger


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        (None, {"account_id": None}, Reason.MISSING_CLAIM, "account_id"),
        (None, {"pipeline_id": ""}, Reason.MISSING_CLAIM, "pipeline_id"),
        ("other-platform", {}, Reason.INVALID_CLAIM, "platform_url"),
        (None, {"platform_url": ""}, Reason.INVALID_CLAIM, "platform_url"),
        (None, {"platform_url": "https://g.codefresh.io/"}, Reason.INVALID_CLAIM, "platform_url"),
        (None, {"scm_pull_request_target_branch": False}, Reason.INVALID_CLAIM, "scm_pull_request_target_branch"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("codefresh", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://oidc.codefresh.io/",
        "http://oidc.codefresh.io",
        "https://oidc.codefresh.io.evil.example",
        "https://x.example",
    ],
)
def test_there_is_one_issuer(issuer: str) -> None:
    check_bad_setting(PROVIDER, {}, issuer, "issuer")
    assert PROVIDER.preset({}, None).issuer == "https://oidc.codefresh.io"


def test_a_self_hosted_installation_is_pinned_by_its_url() -> None:
    own = PROVIDER.preset({"platform_url": "https://codefresh.acme.example"}, None)
    assert own.issuer == PRESET.issuer
    assert own.shared_audience("https://codefresh.acme.example")
    assert own.shared_audience("https://g.codefresh.io")
    claims = job_claims("codefresh", platform_url="https://codefresh.acme.example")
    assert identify(own, claims).vocabulary["organization"] == "acme"
    for other in ("https://g.codefresh.io", "https://codefresh.globex.example", None):
        # Another tenant's token must not read from it which installation the policy names.
        with pytest.raises(Refused, match="claim platform_url: expected that of its issuer entry") as refused:
            identify(own, job_claims("codefresh", platform_url=other))
        assert refused.value.reason is Reason.INVALID_CLAIM


def test_a_token_that_names_no_installation_is_of_the_cloud() -> None:
    assert vocabulary(platform_url=None)["organization_id"] == "64d2f8b10c3e5a7961b4e0d8"


@pytest.mark.parametrize("url", ["g.codefresh.io", "http://codefresh.acme.example", "https://x.example?y", 1])
def test_a_url_that_is_not_an_installations_is_refused(url: Json) -> None:
    with pytest.raises(BadSetting) as bad:
        PROVIDER.preset({"platform_url": url}, None)
    assert bad.value.key == "platform_url"


def test_preset_values() -> None:
    assert PRESET.shared_audience("https://g.codefresh.io")
    assert not PRESET.shared_audience("https://exchange.acme.example")
    assert PRESET.is_declared("repository")
    assert PRESET.is_declared("ref")
    assert not {"repository", "ref"} & PRESET.proven
    assert not {"branch", "tag"} & PRESET.vocabulary.keys()
