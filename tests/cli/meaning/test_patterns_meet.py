"""Patterns that meet, and those that do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.reach import pattern_covers
from token_exchange_cli.meaning.patterns import patterns_meet

PATTERN = st.text("ab/*", max_size=8)
TEXT = st.text("ab/", max_size=8)


@given(PATTERN, PATTERN, st.lists(TEXT, min_size=1, max_size=20))
def test_patterns_with_a_common_match_meet(one: str, other: str, texts: list[str]) -> None:
    if any(pattern_covers(one, text) and pattern_covers(other, text) for text in texts):
        assert patterns_meet(one, other)


@given(PATTERN, TEXT)
def test_literal_meets_a_pattern_iff_it_matches(pattern: str, text: str) -> None:
    assert patterns_meet(pattern, text) is pattern_covers(pattern, text)
    assert patterns_meet(text, pattern) is pattern_covers(pattern, text)


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("a*", "*b", True),
        ("a*b", "*c*", True),
        ("a/*/b", "a/b", False),
        ("ab*", "b*", False),
        ("*a", "*b", False),
        ("", "*", True),
    ],
)
def test_patterns_meet_iff_a_string_matches_both(one: str, other: str, *, found: bool) -> None:
    assert patterns_meet(one, other) is found
    assert patterns_meet(other, one) is found
