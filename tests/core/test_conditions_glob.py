import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.glob import compile_glob

PATTERNS = st.text(st.sampled_from("ab/:*?.é"), max_size=8)
VALUES = st.text(st.sampled_from("ab/:.é*?\n"), max_size=10)


def reference(pattern: str, value: str) -> bool:
    """Match by trying everything: slow, and easy to believe."""
    if not pattern:
        return not value
    if pattern.startswith("*"):
        run = len(pattern) - len(pattern.lstrip("*"))
        rest = pattern[run:]
        lengths = range(len(value) + 1)
        if run == 1:
            lengths = range(min((i for i, char in enumerate(value) if char in "/:"), default=len(value)) + 1)
        return any(reference(rest, value[length:]) for length in lengths)
    if not value:
        return False
    fits = value[0] not in "/:" if pattern[0] == "?" else value[0] == pattern[0]
    return fits and reference(pattern[1:], value[1:])


@given(PATTERNS, VALUES)
def test_it_agrees_with_trying_everything(pattern: str, value: str) -> None:
    assert compile_glob(pattern).matches(value) is reference(pattern, value)


@given(PATTERNS, st.lists(st.text(st.sampled_from("ab/"), max_size=2), min_size=8, max_size=8), VALUES | st.just(""))
def test_it_agrees_on_values_like_the_pattern(pattern: str, fillers: list[str], rest: str) -> None:
    chars = zip(pattern, fillers, strict=False)
    value = "".join(filler if char in "*?" else char for char, filler in chars)
    assert compile_glob(pattern).matches(value) is reference(pattern, value)
    assert compile_glob(pattern).matches(value + rest) is reference(pattern, value + rest)


@given(VALUES.map(lambda text: text.replace("*", "").replace("?", "")), VALUES)
def test_without_a_wildcard_it_is_equality(pattern: str, value: str) -> None:
    assert compile_glob(pattern).matches(value) is (pattern == value)


@given(st.text(st.sampled_from("ab*?."), max_size=8), st.text(st.sampled_from("ab."), max_size=10))
def test_where_nothing_stops_it_is_the_shells_glob(pattern: str, value: str) -> None:
    assert compile_glob(pattern).matches(value) is (
        re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), value) is not None
    )


@given(st.text(), st.text(), st.text())
def test_two_stars_match_any_characters(before: str, between: str, after: str) -> None:
    literal = {"before": before.replace("*", "").replace("?", ""), "after": after.replace("*", "").replace("?", "")}
    glob = compile_glob(f"{literal['before']}**{literal['after']}")
    assert glob.matches(f"{literal['before']}{between}{literal['after']}")


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("release/*", "release/1.0", True),
        ("release/*", "release/", True),
        # one star stops where one name ends
        ("release/*", "release/1/evil", False),
        ("*", "release/1", False),
        ("acme/*", "acme/ci:evil", False),
        ("v?", "v/", False),
        ("v?", "v:", False),
        ("*/main", "/main", True),
        ("*/main", "//main", False),
        ("?/main", "//main", False),
        ("release/**", "release/1/2:3", True),
        # always the whole value
        ("main", "main2", False),
        ("main", "xmain", False),
        ("v*", "xv1", False),
        ("*-rc", "v1-rc2", False),
        ("v*-rc", "v1-rc2", False),
        ("**/main", "heads/main/evil", False),
        ("main", "main\n", False),
        # nothing else is special
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("a|b", "a", False),
        ("^main$", "main", False),
        ("{a,b}", "a", False),
        ("a\\*", "a*", False),
        ("a\\*", "a\\b", True),
        (".", "x", False),
        # more stars than two are two
        ("***", "a/b", True),
        ("****x", "a/b:x", True),
        # case counts
        ("Main", "main", False),
        # empty
        ("", "", True),
        ("*", "", True),
        ("**", "", True),
        ("?", "", False),
    ],
)
def test_globs(pattern: str, value: str, matches: bool) -> None:  # noqa: FBT001 - a table's column
    assert compile_glob(pattern).matches(value) is matches


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        # each would keep a backtracking matcher busy for longer than the sun shines
        ("*a" * 40 + "b", "a" * 20_000),
        ("**a" * 40 + "b", "a/" * 10_000),
        ("?*" * 40 + "/", "x" * 20_000),
        ("*?" * 40 + "b*c", "ab" * 10_000),
    ],
)
def test_hostile_values_cost_linear_time(pattern: str, value: str) -> None:
    assert not compile_glob(pattern).matches(value)
