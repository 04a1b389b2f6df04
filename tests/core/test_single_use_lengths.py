from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.single_use import length_prefixed

PARTS = st.lists(st.text(st.characters(codec=None), max_size=5), max_size=4)


@given(PARTS, PARTS)
def test_different_lists_are_different_bytes(one: list[str], other: list[str]) -> None:
    assert (length_prefixed(*one) == length_prefixed(*other)) == (one == other)


def test_a_part_like_a_length_prefix_is_not_one() -> None:
    assert length_prefixed("1:a", "b") != length_prefixed("1", "a1:b")
