"""Strings of other origin, safe to show, and names in the order in which people read them."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake_issuer import compact
from token_exchange_cli.safe_text import escape_non_ascii, escape_unprintable, in_reading_order


@pytest.mark.parametrize("escape", [escape_non_ascii, escape_unprintable])
def test_a_token_is_shown_as_its_hash(escape: Callable[[str], str]) -> None:
    token = compact(b'{"alg":"RS256"}', b'{"sub":"x"}', b"signature")
    assert escape(f"{token}: no such file\n") == f"sha256:{sha256(token.encode()).hexdigest()}: no such file\\n"


def test_numbers_in_names_are_in_their_order() -> None:
    ordered = [
        *("", "1", "2", "10", "a", "a1b", "a2", "a2b1", "a2b02", "a2b2", "a10", f"a{'9' * 5000}", f"a1{'0' * 5000}"),
        *("a-", "reg", "reg01", "reg1", "reg2", "reg10", "reg10-a", "reg11", "team"),
    ]
    assert sorted({*ordered}, key=in_reading_order) == ordered


@given(names=st.sets(st.text(alphabet="ab01²٣-", max_size=6)))
def test_no_two_names_have_the_same_place(names: set[str]) -> None:
    assert len({tuple(in_reading_order(name)) for name in names}) == len(names)
