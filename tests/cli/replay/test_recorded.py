"""Claims of a record: what it has, what was absent, and what it does not tell."""

import pytest

from token_exchange_cli.replay.recorded import NotRecorded, RecordedClaims

_CUT = "x" * 256 + "…[9 more]"
_CLAIMS = RecordedClaims({"sub": "repo:o/r", "ref": _CUT}, frozenset({"sub", "ref", "environment"}))


def test_a_whole_claim_is_given_and_an_absent_one_is_none() -> None:
    assert (_CLAIMS["sub"], _CLAIMS.get("sub"), _CLAIMS.get("environment", "x")) == ("repo:o/r", "repo:o/r", "x")
    assert (list(_CLAIMS), len(_CLAIMS)) == (["sub", "ref"], 2)
    assert _CLAIMS.recorded() == {"sub": "repo:o/r", "ref": _CUT}


@pytest.mark.parametrize("name", ["ref", "run_id"])
def test_a_cut_or_unrecorded_claim_is_not_guessed(name: str) -> None:
    assert not _CLAIMS.is_recorded(name)
    with pytest.raises(NotRecorded, match=f"the claim {name}"):
        _CLAIMS[name]
    with pytest.raises(NotRecorded, match=f"the claim {name}"):
        _CLAIMS.get(name)
