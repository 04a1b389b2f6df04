import pytest

from tests.attempts import signed_token
from tests.fake_clock import NOW
from tests.fake_issuer import FakeIssuer
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.trust import VerifiedToken, check_claims, verify_claims

ISSUER = FakeIssuer()
TRUST = ISSUER.trust(max_lifetime_seconds=3600)  # with a leeway of 60 s
T = int(NOW)


def check(changes: dict[str, Json], *, now: float = NOW) -> VerifiedToken:
    return verify_claims(signed_token(TRUST, ISSUER.claims(**changes)), now=now)


def test_returns_the_expiry_and_the_token_id() -> None:
    found = check({"exp": T + 90, "jti": "j"})
    assert (found.expires_at, found.token_id) == (NOW + 90, "j")
    assert check({"jti": None}).token_id is None
    assert signed_token(TRUST, {"jti": 7}).token_id is None


@pytest.mark.parametrize(
    "changes",
    [
        {"nbf": None},
        {"nbf": T - 9999},
        {"exp": T + 0.5, "iat": T - 1.5, "nbf": T - 0.5},
        # the leeway's edges
        {"exp": T - 59, "iat": T - 100, "nbf": None},
        {"exp": T + 100, "iat": T + 60, "nbf": None},
        {"nbf": T + 60},
        # the longest lifetime's
        {"iat": T, "exp": T + 3600},
        # claims that are not looked at here
        {"azp": 7, "repository": None},
    ],
)
def test_a_token_in_its_time(changes: dict[str, Json]) -> None:
    check(changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        # times, each a moment behind its edge
        ({"exp": T - 60, "iat": T - 100, "nbf": None}, Reason.EXPIRED),
        ({"exp": T - 9999, "iat": T - 10_000, "nbf": None}, Reason.EXPIRED),
        ({"exp": 1, "iat": 0, "nbf": None}, Reason.EXPIRED),
        ({"iat": T + 61, "exp": T + 100, "nbf": None}, Reason.NOT_YET_VALID),
        ({"iat": T + 61, "exp": T + 100, "nbf": T}, Reason.NOT_YET_VALID),
        ({"nbf": T + 61}, Reason.NOT_YET_VALID),
        ({"nbf": T + 60.5}, Reason.NOT_YET_VALID),
        ({"iat": T, "exp": T + 3600.5}, Reason.LIFETIME_TOO_LONG),
        ({"iat": T, "exp": 2**64 - 1}, Reason.LIFETIME_TOO_LONG),
        ({"iat": -(2**63)}, Reason.LIFETIME_TOO_LONG),
        # times that contradict each other, without leeway
        ({"exp": T, "iat": T}, Reason.INVALID_CLAIM),
        ({"exp": T, "iat": T + 1}, Reason.INVALID_CLAIM),
        ({"exp": T + 10, "nbf": T + 10}, Reason.INVALID_CLAIM),
        ({"exp": T + 10, "nbf": T + 11}, Reason.INVALID_CLAIM),
        # times that are no numbers
        ({"exp": True}, Reason.INVALID_CLAIM),
        ({"exp": str(T + 60)}, Reason.INVALID_CLAIM),
        ({"exp": [T + 60]}, Reason.INVALID_CLAIM),
        ({"exp": {}}, Reason.INVALID_CLAIM),
        ({"iat": False}, Reason.INVALID_CLAIM),
        ({"iat": str(T)}, Reason.INVALID_CLAIM),
        ({"nbf": str(T)}, Reason.INVALID_CLAIM),
        ({"nbf": False}, Reason.INVALID_CLAIM),
        # subject and id
        ({"sub": ""}, Reason.INVALID_CLAIM),
        ({"sub": 7}, Reason.INVALID_CLAIM),
        ({"sub": ["acme"]}, Reason.INVALID_CLAIM),
        ({"jti": ""}, Reason.INVALID_CLAIM),
        ({"jti": 7}, Reason.INVALID_CLAIM),
        # absent; null is too
        ({"exp": None}, Reason.MISSING_CLAIM),
        ({"iat": None}, Reason.MISSING_CLAIM),
        ({"sub": None}, Reason.MISSING_CLAIM),
    ],
)
def test_a_token_out_of_order(changes: dict[str, Json], reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        check(changes)
    assert refused.value.reason is reason
    assert "3600" not in refused.value.description
    assert "60" not in refused.value.description


@pytest.mark.parametrize("name", ["exp", "iat", "sub"])
def test_null_counts_as_absent(name: str) -> None:
    with pytest.raises(Refused) as refused:
        check_claims({**ISSUER.claims(), name: None}, trust=TRUST, now=NOW)
    assert refused.value.reason is Reason.MISSING_CLAIM


def test_null_counts_as_absent_where_a_claim_may_be() -> None:
    claims: dict[str, Json] = {**ISSUER.claims(), "nbf": None, "jti": None}
    assert verify_claims(signed_token(TRUST, claims), now=NOW).token_id is None


def test_the_clock_is_the_one_that_is_passed_in() -> None:
    with pytest.raises(Refused) as refused:
        check({}, now=NOW + 10_000)
    assert refused.value.reason is Reason.EXPIRED
