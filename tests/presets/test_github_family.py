import pytest

from tests.ci_jobs import issuer_of, job_claims
from tests.presets.checks import check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.presets.catalog import provider_named
from token_exchange.presets.github_family import is_owners_address
from token_exchange.presets.provider import BadSetting

PATHS = {"forgejo": "/api/actions", "gitea": "/api/actions/oidc"}
PROVIDERS = {name: provider_named(name) for name in PATHS}
PRESETS = {name: provider.preset({}, issuer_of(name)) for name, provider in PROVIDERS.items()}

pytestmark = pytest.mark.parametrize("name", sorted(PATHS))


def vocabulary(name: str, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESETS[name], job_claims(name, None, **changes)).vocabulary)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ref": "refs/tags/v1", "ref_type": "tag"}, {"branch": None, "tag": "v1"}),
        ({"ref": "refs/pull/7/merge"}, {"branch": None, "tag": None}),
        ({"sub": "repo:stranger/x:ref:refs/heads/main"}, {"repository": "acme/shop"}),
    ],
)
def test_shapes_of_tokens(name: str, changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(name, **changes)
    assert {key: found.get(key) for key in expected} == expected


def test_ref_protection_is_not_in_the_vocabulary(name: str) -> None:
    """No token says so: there is `false` in all of them or nothing, and a grant on `true` could never apply."""
    assert job_claims(name).get("ref_protected") in ("false", None)
    assert "ref_protected" not in PRESETS[name].vocabulary
    assert PRESETS[name].claim_type(("ref_protected",)) == "text"


@pytest.mark.parametrize(
    ("event", "trigger"),
    [
        ("push", None),
        ("create", None),
        ("release", None),
        ("workflow_dispatch", None),
        ("schedule", None),
        ("pull_request", "event pull_request"),
        ("pull_request_target", "event pull_request_target"),
        ("issue_comment", "event issue_comment"),
        # a reusable workflow's jobs have it whatever started the run
        ("workflow_call", "event workflow_call"),
        ("deployment", "event deployment"),
        ("brand_new", "event brand_new"),
    ],
)
def test_runs_that_outsiders_can_start(name: str, event: str, trigger: str | None) -> None:
    assert identify(PRESETS[name], job_claims(name, None, event_name=event)).untrusted_trigger == trigger


@pytest.mark.parametrize(
    ("changes", "reason", "claim"),
    [
        ({"event_name": None}, Reason.MISSING_CLAIM, "event_name"),
        ({"ref_protected": True}, Reason.INVALID_CLAIM, "ref_protected"),
        ({"repository_id": 301}, Reason.INVALID_CLAIM, "repository_id"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    name: str, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESETS[name], job_claims(name, None, **changes), reason, claim)


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "host"),
        ({"host": "https://git.acme.example"}, None, "host"),
        ({"host": "git.acme.example/"}, None, "host"),
        ({"host": "git.acme.example/a//b"}, None, "host"),
        ({"host": "git.acme.example"}, "https://other.example{path}", "issuer"),
        ({}, "https://git.acme.example{path}/", "issuer"),
        ({}, "https://{path}", "issuer"),
        ({}, "https://git.acme.example", "issuer"),
    ],
)
def test_issuers_that_it_cannot_have(name: str, settings: dict[str, Json], issuer: str | None, key: str) -> None:
    with pytest.raises(BadSetting) as bad:
        PROVIDERS[name].preset(settings, None if issuer is None else issuer.format(path=PATHS[name]))
    assert bad.value.key == key


@pytest.mark.parametrize("host", ["git.acme.example", "git.acme.example:8443", "acme.example/git"])
def test_issuers(name: str, host: str) -> None:
    preset = PROVIDERS[name].preset({"host": host}, None)
    assert preset.issuer == PROVIDERS[name].preset({}, preset.issuer).issuer == f"https://{host}{PATHS[name]}"
    assert preset.shared_audience(f"https://{host}/acme")
    assert not preset.shared_audience("https://exchange.acme.example/acme")


def test_an_owners_address_has_no_path_below_it(name: str) -> None:
    assert is_owners_address(name, f"https://{name}/acme")
    assert not is_owners_address(name, f"https://{name}/acme/shop")


def test_preset_values(name: str) -> None:
    assert PRESETS[name].ignores_case
    assert "workflow" not in PRESETS[name].proven
