import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.reach import (
    MAX_NAME_LENGTH,
    DoesNotFit,
    covers_any,
    fill_repository_template,
    parse_repository_name,
    pattern_covers,
)
from token_exchange.core.vocabulary import Name
from token_exchange.loading.registries import parse_repository_template

PATTERNS = st.text(st.sampled_from("ab/*"), max_size=8)
NAMES = st.text(st.sampled_from("ab/"), max_size=12)


def reference(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), name, re.DOTALL) is not None


@given(PATTERNS, NAMES)
def test_a_star_is_iams(pattern: str, name: str) -> None:
    assert pattern_covers(pattern, name) is reference(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("ci/acme/app", "ci/acme/app", True),
        ("ci/acme/app", "ci/acme/apps", False),
        ("ci/acme/app", "ci/acme/app/x", False),
        # unlike a glob's, this star crosses the slash
        ("ci/*", "ci/acme/app", True),
        ("*", "anything/at/all", True),
        ("ci/*/app", "ci/acme/team/app", True),
        ("ci/*", "ci/", True),
        ("ci/*", "ci", False),
        # what stands at both ends may not overlap
        ("aba*aba", "aba", False),
        ("aba*aba", "ababa", False),
        ("aba*aba", "abaaba", True),
        ("*a*a*", "a", False),
        ("ci*app*app", "ci/app", False),
        # and a star may stand for nothing
        ("*a*b", "ab", True),
    ],
)
def test_names_that_a_pattern_covers(pattern: str, name: str, covered: bool) -> None:  # noqa: FBT001 - a table's column
    assert pattern_covers(pattern, name) is covered
    assert covers_any(["never", pattern], name) is covered


def test_a_hostile_name_costs_linear_time() -> None:
    assert not pattern_covers("*a" * 60 + "*b", "a" * 50_000)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("ab", True),
        ("a/b", True),
        ("ci/acme/my-app_1.0", True),
        ("a" * 256, True),
        ("a", False),
        ("a" * 257, False),
        ("", False),
        ("/ab", False),
        ("ab/", False),
        ("a//b", False),
        ("a--b", False),
        ("-ab", False),
        ("ab.", False),
        ("../ab", False),
        ("Ab", False),
        ("ab*", False),
        ("ab\n", False),
        ("äb", False),
        ("١٢", False),
    ],
)
def test_names_of_repositories(name: str, good: bool) -> None:  # noqa: FBT001 - a table's column
    if good:
        assert parse_repository_name(name) == name
        return
    with pytest.raises(ValueError, match="full name"):
        parse_repository_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "app",
        "a",
        "*",
        "ci/*",
        "ci/{repository}",
        "ci/{repository}/*",
        "{organization}-{repository_id}",
        "ci/{repository}*",
        "x" * 256,
    ],
)
def test_templates(text: str) -> None:
    assert parse_repository_template(text).text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # what IAM would read as something else
        ("ci/?", "lower-case"),
        ("ci/${aws:username}", "braces"),
        ("ci/$", "lower-case"),
        ("ci:x", "lower-case"),
        ("ci/ x", "lower-case"),
        # what ECR has no name for
        ("CI/app", "lower-case"),
        ("/ci", "ECR"),
        ("ci/", "ECR"),
        ("ci//app", "ECR"),
        ("ci/{repository}/", "ECR"),
        ("../x", "ECR"),
        ("", "ECR"),
        ("x" * 257, "ECR"),
        # braces
        ("ci/{nobody}", "vocabulary"),
        ("ci/{}", "vocabulary"),
        ("ci/{ repository }", "vocabulary"),
        ("ci/{Repository}", "vocabulary"),
        ("ci/{repository", "braces"),
        ("ci/repository}", "braces"),
        ("ci/{{repository}}", "braces"),
        ("ci/{repository.name}", "vocabulary"),
        ("ci/{repository!r}", "vocabulary"),
    ],
)
def test_templates_that_name_nothing(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_repository_template(text)


def filled(text: str, **values: str | None) -> str:
    return fill_repository_template(parse_repository_template(text), values.get)


def test_filling_in() -> None:
    assert filled("ci/{repository}/*", repository="acme/app") == "ci/acme/app/*"
    assert filled("{organization}/{repository_id}", organization="acme", repository_id="7") == "acme/7"
    assert filled("static/*") == "static/*"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # absent
        ("repository", None),
        # what would widen the pattern, or leave the place that the template gave it
        ("repository", "*"),
        ("repository", "acme/*"),
        ("repository", "acme/a?p"),
        ("repository", "${aws:username}"),
        ("repository", "../other"),
        ("repository", "acme/../other"),
        ("repository", "/acme"),
        ("repository", "acme/"),
        ("repository", "acme//app"),
        ("repository", "acme/app\n"),
        ("repository", "acme/app\x00"),
        ("repository", "{organization}"),
        ("repository", ""),
        # what ECR spells otherwise
        ("repository", "Acme/app"),
        ("repository", "acme/äpp"),
        ("repository", "acme/app."),
        ("repository", "acme/.github"),
        ("repository", "acme/a__b"),
        ("repository", "acmé/app"),
        # a slash in a name that is one component
        ("branch", "feature/x"),
        ("repository_id", "1/2"),
        ("environment", "prod/../dev"),
    ],
)
def test_values_that_do_not_fit(name: Name, value: str | None) -> None:
    with pytest.raises(DoesNotFit) as error:
        filled(f"ci/{{{name}}}/x", **{name: value})
    assert error.value.name == name


def test_a_name_may_not_grow_too_long() -> None:
    room = MAX_NAME_LENGTH - len("ci/")
    assert len(filled("ci/{repository}", repository="a" * room)) == MAX_NAME_LENGTH
    with pytest.raises(DoesNotFit, match="256"):
        filled("ci/{repository}", repository="a" * (room + 1))


@given(st.text(), st.text(st.sampled_from("ab./-_*?{}$"), max_size=12))
def test_a_value_cannot_contain_a_wildcard(one: str, other: str) -> None:
    for value in (one, other):
        try:
            result = filled("ci/{repository}/x", repository=value)
        except DoesNotFit:
            continue
        assert parse_repository_name(result) == result
        assert result == f"ci/{value}/x"


@pytest.mark.parametrize("text", ["a_b", "a.b", "a-b", "a/b", "a*", "0", "{repository}_x"])
def test_every_character_of_ecrs_may_be_written(text: str) -> None:
    assert parse_repository_template(text).text == text
