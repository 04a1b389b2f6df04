"""One glob within another: what is claimed is true of every text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.glob import compile_glob
from token_exchange_cli.meaning.patterns import is_within

_PATTERNS = st.text("ab/:*?", max_size=7)


@given(narrow=_PATTERNS, wide=_PATTERNS, text=st.text("ab/:", max_size=8))
def test_narrower_glob_matches_nothing_more(narrow: str, wide: str, text: str) -> None:
    if is_within(narrow, wide) and compile_glob(narrow).matches(text):
        assert compile_glob(wide).matches(text)


@given(pattern=_PATTERNS)
def test_glob_is_within_itself_and_everything(pattern: str) -> None:
    assert is_within(pattern, pattern)
    assert is_within(pattern, "**")


@given(text=st.text("ab/:", max_size=8), wide=_PATTERNS)
def test_literal_is_within_a_glob_iff_it_matches(text: str, wide: str) -> None:
    assert is_within(text, wide) is compile_glob(wide).matches(text)


@pytest.mark.parametrize(
    ("narrow", "wide", "within"),
    [
        ("release/*", "release/**", True),
        ("release/**", "release/*", False),
        ("release/?.?", "release/*", True),
        ("v?", "v*", True),
        ("v*", "v?", False),
        # a stop is no character of `*` and `?`
        ("a/b", "a*b", False),
        ("a:b", "a?b", False),
        ("a*/b", "a**b", True),
        # stars that stand together are one run
        ("a***b", "a**b", True),
    ],
)
def test_is_within_by_example(narrow: str, wide: str, within: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_within(narrow, wide) is within
