from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.usage import length_prefixed

PARTS = st.lists(st.text(st.characters(codec=None), max_size=5), max_size=4)


@given(PARTS, PARTS)
def test_two_lists_are_the_same_bytes_only_where_they_are_the_same_list(one: list[str], other: list[str]) -> None:
    assert (length_prefixed(*one) == length_prefixed(*other)) == (one == other)


def test_what_looks_like_a_prefix_is_none() -> None:
    assert length_prefixed("1:a", "b") != length_prefixed("1", "a1:b")
