import pytest

from tests.fake_issuer import ISSUER, FakeIssuer
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.trust import choose_entry

FIRST = FakeIssuer().trust(entry="first", audiences=("a", "b"))
SECOND = FakeIssuer().trust(entry="second", audiences=("c",))
ISSUERS = {ISSUER: [FIRST, SECOND], "https://empty.example": [], "https://slash.example/": [FIRST]}


@pytest.mark.parametrize(
    ("audience", "entry"),
    [("a", FIRST), ("b", FIRST), ("c", SECOND), (["a"], FIRST), (["b", "a"], FIRST), (["c", "c"], SECOND)],
)
def test_issuer_and_audience_pick_the_entry(audience: Json, entry: object) -> None:
    assert choose_entry({"iss": ISSUER, "aud": audience}, ISSUERS) is entry


@pytest.mark.parametrize(
    "issuer",
    [
        # near misses: nothing is normalised
        f"{ISSUER}/",
        "https://slash.example",
        "https://CI.acme.example",
        "HTTPS://ci.acme.example",
        "http://ci.acme.example",
        "https://ci.acme.example:443",
        "https://ci.acme.example.evil.example",
        "https://ci.acme.ex\u0430mple",
        f"{ISSUER}\x00",
        f" {ISSUER}",
        "",
        "https://empty.example",
        # not texts
        None,
        7,
        True,
        [ISSUER],
        {ISSUER: ISSUER},
    ],
)
def test_an_unknown_issuer(issuer: Json) -> None:
    with pytest.raises(Refused) as refused:
        choose_entry({"iss": issuer, "aud": "a"}, ISSUERS)
    assert refused.value.reason is Reason.UNKNOWN_ISSUER


def test_no_issuer() -> None:
    with pytest.raises(Refused) as refused:
        choose_entry({"aud": "a"}, ISSUERS)
    assert refused.value.reason is Reason.UNKNOWN_ISSUER


@pytest.mark.parametrize(
    "audience",
    [
        # ours and another service's, which could have sent it here
        ["a", "https://evil.example"],
        ["a", None],
        ["a", 7],
        ["a", ["b"]],
        # of two entries at once
        ["a", "c"],
        # near misses
        "A",
        "a ",
        "a/",
        "a,b",
        "a b",
        "",
        # none, or no strings
        [],
        [[]],
        None,
        7,
        True,
        {"a": "a"},
    ],
)
def test_a_wrong_audience(audience: Json) -> None:
    with pytest.raises(Refused) as refused:
        choose_entry({"iss": ISSUER, "aud": audience}, ISSUERS)
    assert refused.value.reason is Reason.WRONG_AUDIENCE


def test_no_audience() -> None:
    with pytest.raises(Refused) as refused:
        choose_entry({"iss": ISSUER}, ISSUERS)
    assert refused.value.reason is Reason.WRONG_AUDIENCE


def test_the_texts_quote_only_the_token_and_little_of_it() -> None:
    hostile: list[dict[str, Json]] = [{"iss": "x\n" * 9999}, {"iss": ISSUER, "aud": ["y\n" * 9999] * 9999}]
    for claims in hostile:
        with pytest.raises(Refused) as refused:
            choose_entry(claims, ISSUERS)
        assert "\n" not in refused.value.description
        assert len(refused.value.description) < 600
        for entry in (FIRST, SECOND):
            assert entry.entry not in refused.value.description


def test_at_most_three_audiences_are_named() -> None:
    with pytest.raises(Refused, match=r"found 'a', 'b', 'c'$"):
        choose_entry({"iss": ISSUER, "aud": ["d", "c", "b", "a"]}, ISSUERS)
