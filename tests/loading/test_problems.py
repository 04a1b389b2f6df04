import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.loading.problems import Path, PolicyUnusable, Problem, Problems, spelled_path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("grants", 2, "match", "branch"), "grants[2].match.branch"),
        (("claims", "a.b/c"), 'claims["a.b/c"]'),
        (("claims", 'a"b'), 'claims["a\\"b"]'),
        (("claims", "a\x1b\n\u2028"), 'claims["a\\x1b\\n\\u2028"]'),
        (("7",), '["7"]'),
        (("",), '[""]'),
    ],
)
def test_paths_as_a_person_writes_them(path: Path, text: str) -> None:
    assert spelled_path(path) == text


@given(st.lists(st.text(st.characters(exclude_categories=()))))
def test_a_path_has_nothing_in_it_that_a_terminal_obeys(parts: list[str]) -> None:
    assert spelled_path(tuple(parts)).isprintable()
    assert spelled_path(tuple(parts)).isascii()


def test_a_problem_of_the_whole_document_has_no_path_in_front() -> None:
    assert str(Problem(path=(), code="syntax", message="the document is empty")) == "the document is empty"


def test_all_are_raised_together() -> None:
    problems = Problems()
    problems.raise_if_any()
    problems.add(("a",), "missing", "missing")
    problems.add(("b",), "empty", "expected at least one item, found an empty list")
    assert len(problems) == 2
    with pytest.raises(PolicyUnusable, match=r"^a: missing\nb: expected at least one item, found an empty list$"):
        problems.raise_if_any()


def test_problems_that_follow_from_another_are_not_reported() -> None:
    problems = Problems()
    problems.add_unclear(("a",), "syntax", "an alias")
    problems.add_unclear(("a",), "syntax", "a tag")
    problems.add(("a",), "wrong-type", "follows from the alias")
    problems.add(("a", "b"), "missing", "missing")
    with pytest.raises(PolicyUnusable, match=r"^a: an alias\na: a tag\na\.b: missing$"):
        problems.raise_if_any()
