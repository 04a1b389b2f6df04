import pytest

from tests.ci_jobs import job_claims
from tests.core.test_identity_preset import PRESETS
from tests.doubles import RecordedClaimEvents
from token_exchange.core.ports import Json
from token_exchange.presets.catalog import providers
from token_exchange.reporting import new_claims
from token_exchange.reporting.new_claims import NewClaims, unknown_claims


def test_every_claim_of_a_jobs_token_is_known(subtests: pytest.Subtests) -> None:
    for provider in sorted(PRESETS):
        with subtests.test(provider=provider):
            assert list(unknown_claims(PRESETS[provider], job_claims(provider))) == []


@pytest.mark.parametrize(
    ("provider", "changes", "unknown"),
    [
        ("gitlab", {"brand_new": 1}, [("brand_new",)]),
        ("gitlab", {"brand_new": None}, [("brand_new",)]),
        # what the provider documents as an object without saying what is in it
        ("gitlab", {"job_config": {"whatever": 1}}, []),
        # names that customers choose
        ("github-actions", {"repo_property_team": "shop"}, []),
        ("github-actions", {"repo_properties": "shop"}, [("repo_properties",)]),
        ("buildkite", {"agent_tag:queue": "x"}, []),
        ("jenkins", {"anything": "x"}, []),
        # inside another
        ("kubernetes", {"kubernetes.io": {"namespace": "x", "zone": "y"}}, [("kubernetes.io", "zone")]),
        (
            "kubernetes",
            {"kubernetes.io": {"pod": {"name": "x", "labels": {}}}},
            [("kubernetes.io", "pod", "labels")],
        ),
        ("google", {"google": {"run": {}}}, [("google", "run")]),
        ("aws-sts", {"https://sts.amazonaws.com/": {"principal_tags": {"team": "x"}}}, []),
        ("aws-sts", {"https://sts.amazonaws.com/": {"project": "x"}}, [("https://sts.amazonaws.com/", "project")]),
        # of another type than is documented: refused before, and no new claim
        ("kubernetes", {"kubernetes.io": "x"}, []),
    ],
)
def test_unknown_claims_are_found(provider: str, changes: dict[str, Json], unknown: list[tuple[str, ...]]) -> None:
    assert list(unknown_claims(PRESETS[provider], {**job_claims(provider), **changes})) == unknown


def test_of_a_generic_issuer_nothing_is_known() -> None:
    preset = providers()["generic"].preset({}, "https://ci.acme.example")
    assert list(unknown_claims(preset, {"tenant": "x", "anything": {"y": 1}})) == []


def test_each_is_reported_once_for_each_issuer() -> None:
    events = RecordedClaimEvents()
    new = NewClaims(events)
    for entry in ("one", "two", "one"):
        new.notice(entry, PRESETS["kubernetes"], {"a": 1, "kubernetes.io": {"b": 2}})
    assert events.unknown == [
        ("one", "kubernetes", "a"),
        ("one", "kubernetes", "kubernetes.io \u2192 b"),
        ("two", "kubernetes", "a"),
        ("two", "kubernetes", "kubernetes.io \u2192 b"),
    ]


def test_the_log_cannot_be_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_claims, "_MAX_REPORTED", 3)
    events = RecordedClaimEvents()
    new = NewClaims(events)
    for start in range(4):
        new.notice("one", PRESETS["gitlab"], {f"x{number}": 1 for number in range(start, start + 10)})
    assert [claim for _, _, claim in events.unknown] == ["x0", "x1", "x2"]
