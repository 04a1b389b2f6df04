import pytest

from token_exchange.core.identity import Preset, identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.presets.catalog import providers
from token_exchange.presets.provider import BadSetting


def preset(**settings: Json) -> Preset:
    return providers()["generic"].preset(settings, "https://ci.nordlicht.example")


def test_only_the_policys_claims_are_known() -> None:
    found = preset()
    assert found.vocabulary == {}
    assert found.algorithms == ()
    assert found.proven == frozenset()
    assert found.max_lifetime_seconds == 3600
    assert identify(found, {"repository": "x"}).vocabulary == {}
    assert identify(found, {"event_name": "fork"}).untrusted_trigger is None
    assert not found.shared_audience("anything")


def test_names_are_found_where_the_policy_says() -> None:
    found = preset(
        organization_claim=["owner", "name"],
        claims={
            "repository": "project",
            "repository_id": ["project.data", "id"],
            "ref_protected": "safe",
            "run_id": "n",
        },
    )
    claims: dict[str, Json] = {
        "owner": {"name": "Nord"},
        "project": "a/B",
        "project.data": {"id": 7},
        "safe": True,
        "n": "12",
    }
    assert identify(found, claims).vocabulary == {
        "organization": "Nord",
        "repository": "a/B",
        "repository_id": "7",
        "ref_protected": True,
        "run_id": "12",
    }
    assert found.public_claims == {("safe",)}


def test_a_claim_that_is_a_branch_and_a_name_is_a_name() -> None:
    found = preset(organization_claim="tenant", claims={"branch": "where", "event": "tenant", "actor": "who"})
    assert found.public_claims == {("where",)}


@pytest.mark.parametrize("value", [True, 1.5, ["a"], {"a": "b"}])
def test_a_claim_that_is_not_text_is_refused(value: Json) -> None:
    with pytest.raises(Refused) as refused:
        identify(preset(organization_claim="tenant"), {"tenant": value})
    assert refused.value.reason is Reason.INVALID_CLAIM


@pytest.mark.parametrize("value", [None, ""])
def test_a_claim_that_is_empty_is_absent(value: Json) -> None:
    assert identify(preset(organization_claim="tenant"), {"tenant": value}).vocabulary == {}


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"claims": {}}, "claims"),
        ({"claims": ["repository"]}, "claims"),
        ({"claims": {"nobody": "x"}}, "claims"),
        ({"claims": {"repository": None}}, "claims"),
        ({"claims": {"repository": []}}, "claims"),
        ({"claims": {"repository": ["a", None]}}, "claims"),
        ({"claims": {"organization": "y"}, "organization_claim": "x"}, "claims"),
        ({"organization_claim": ""}, "organization_claim"),
        ({"organization_claim": {"a": "b"}}, "organization_claim"),
    ],
)
def test_settings_that_say_nothing(settings: dict[str, Json], key: str) -> None:
    with pytest.raises(BadSetting) as bad:
        preset(**settings)
    assert bad.value.key == key


@pytest.mark.parametrize(
    "issuer", ["http://ci.nordlicht.example", "ci.nordlicht.example", "https://ci.nordlicht.example?x"]
)
def test_an_issuer_has_a_form(issuer: str) -> None:
    with pytest.raises(BadSetting):
        providers()["generic"].preset({}, issuer)
