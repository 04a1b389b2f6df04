"""Claims as people write them down: what an issuer adds is filled in, and nothing is made up."""

import pytest
from click import UsageError

from tests.ci_claims import NOON, github_claims
from tests.loading.documents import AUDIENCE, document, load, without
from token_exchange.core.evaluate import Caller
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange_cli.explain.callers import Presented, presented_claims

POLICY = load(document())
URL = "https://token.actions.githubusercontent.com"


def _presented(issuer: str | None = "github", **changes: Json) -> Presented:
    return presented_claims(POLICY, github_claims(**changes), issuer=issuer, now=NOON + 0.5)


def _caller(presented: Presented) -> Caller:
    assert isinstance(presented.outcome, Caller)
    return presented.outcome


def test_issuer_audience_and_times_are_filled_in() -> None:
    bare = _presented(iss=None, aud=None, exp=None, iat=None, nbf=None, jti=None)
    claims = _caller(bare).claims
    assert claims.items() >= {("iss", URL), ("aud", AUDIENCE), ("iat", int(NOON)), ("exp", int(NOON) + 300)}
    assert "nbf" not in claims
    assert bare.remarks == ()


def test_times_of_stored_claims_are_replaced() -> None:
    kept = _presented(exp=2, iat=1, nbf=1)
    assert _caller(kept).claims["iat"] == int(NOON)
    assert kept.remarks == ()


def test_replaced_claims_are_remarked() -> None:
    foreign = _presented(iss="https://elsewhere.example", aud=["https://elsewhere.example", AUDIENCE])
    assert _caller(foreign).claims.items() >= {("iss", URL), ("aud", AUDIENCE)}
    assert foreign.remarks == (
        "iss was replaced by that of the issuer 'github'",
        "aud was replaced by that of the issuer 'github'",
    )


def test_accepted_audience_is_kept() -> None:
    assert _caller(_presented(aud=[AUDIENCE])).claims["aud"] == [AUDIENCE]


def test_a_subject_is_not_made_up() -> None:
    assert "sub" not in _caller(_presented(sub=None)).claims
    refused = _presented(sub="").outcome
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.INVALID_CLAIM


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"repository_id": None}, Reason.MISSING_CLAIM),
        ({"actor": 7}, Reason.INVALID_CLAIM),
        ({"jti": ""}, Reason.INVALID_CLAIM),
    ],
)
def test_invalid_claims_are_refused_like_their_token(changes: dict[str, Json], reason: Reason) -> None:
    refused = _presented("github", **changes).outcome
    assert isinstance(refused, Refused)
    assert refused.reason is reason


def test_iss_and_aud_select_the_entry() -> None:
    assert _caller(_presented(None)).issuer.name == "github"
    refused = _presented(None, aud="https://elsewhere.example").outcome
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.WRONG_AUDIENCE


def test_single_entry_is_the_default() -> None:
    alone = load(without(without(document(), "issuers.gitlab"), "issuers.own"))
    presented = presented_claims(alone, github_claims(iss=None, aud=None), issuer=None, now=NOON)
    assert _caller(presented).issuer.name == "github"
    with pytest.raises(UsageError, match="choose the issuer of these claims with --issuer: github, gitlab, own"):
        _presented(None, aud=None)


def test_unknown_entry_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="has no issuer 'gitub'; did you mean github"):
        _presented("gitub")
