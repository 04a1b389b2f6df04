import pytest

from tests.ci_claims import bitrise_claims
from tests.presets.checks import check_bad_setting
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.presets.catalog import providers

PROVIDER = providers()["bitrise"]
PRESET = PROVIDER.preset({}, None)


def vocabulary(**changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, bitrise_claims(**changes)).vocabulary)


def test_a_push() -> None:
    assert vocabulary() == {
        "organization": "5eed0a1b2c3d4e5f",
        "organization_id": "5eed0a1b2c3d4e5f",
        "repository": "nordlicht/ruder",
        "pipeline_id": "c0ffee12ab34cd56",
        "workflow": "ship",
        "branch": "main",
        "event": "webhook",
        "run_id": "77",
        "sha": "ef" * 20,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"branch": "", "tag": "v1.2"}, {"branch": None, "tag": "v1.2"}),
        # a pull request's branch is the one it comes from, which a fork may call main
        ({"branch_dest": "main"}, {"branch": None, "tag": None}),
        ({"branch_dest": "main", "tag": "v1"}, {"branch": None, "tag": None}),
        ({"branch_dest": None}, {"branch": "main"}),
        # the type of this one is not documented
        ({"build_number": 78}, {"run_id": "78"}),
        ({"repository_owner": ""}, {"repository": None}),
        ({"repository_slug": None}, {"repository": None}),
        ({"sub": "app:another:workflow:x"}, {"pipeline_id": "c0ffee12ab34cd56"}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(**changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("target", "trigger"),
    [
        ("", None),
        (None, None),
        ("main", "a pull request to main"),
        (" ", "a pull request to  "),
        ("null", "a pull request to null"),
    ],
)
def test_pull_requests_are_started_by_outsiders(target: Json, trigger: str | None) -> None:
    assert identify(PRESET, bitrise_claims(branch_dest=target)).untrusted_trigger == trigger


@pytest.mark.parametrize("value", [True, 1.5, ["77"], {"n": 77}])
def test_a_build_has_a_number(value: Json) -> None:
    with pytest.raises(Refused) as refused:
        vocabulary(build_number=value)
    assert refused.value.reason is Reason.INVALID_CLAIM


@pytest.mark.parametrize(
    "issuer", ["https://token.builds.bitrise.io/", "https://token.builds.bitrise.io.evil.example", "https://x.example"]
)
def test_there_is_one_issuer(issuer: str) -> None:
    check_bad_setting(PROVIDER, {}, issuer, "issuer")


def test_preset_values() -> None:
    assert PROVIDER.preset({}, PRESET.issuer).issuer == "https://token.builds.bitrise.io"
    assert PRESET.required == {("app_slug",), ("workspace_slug",)}
    assert (PRESET.algorithms, PRESET.max_lifetime_seconds) == (("RS256",), 7200)
    assert PRESET.minted == "on-request"
    assert PRESET.is_declared("repository")
    assert not {"repository", "branch", "tag", "workflow", "sha", "event"} & PRESET.proven
