import pytest

from token_exchange.loading.fields import Fields, Node, Unquoted, closest_match, described
from token_exchange.loading.problems import Code, PolicyUnusable, Problems, spelled_path


class Reading:
    """One mapping under reading, and what was found wrong with it."""

    def __init__(self, node: dict[str, Node]) -> None:
        self.problems = Problems()
        self.fields = Fields(node, (), self.problems)

    def faults(self) -> list[tuple[str, Code]]:
        with pytest.raises(PolicyUnusable) as unusable:
            self.problems.raise_if_any()
        return [(spelled_path(problem.path), problem.code) for problem in unusable.value.problems]

    def message(self) -> str:
        with pytest.raises(PolicyUnusable) as unusable:
            self.problems.raise_if_any()
        return str(unusable.value)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "empty"),
        ("", "empty"),
        ("a\nb", "bad-value"),
        ("a\x00", "bad-value"),
        ("a\x85", "bad-value"),
        ("a\u2029", "bad-value"),
        (True, "wrong-type"),
        (7, "wrong-type"),
        (7.5, "wrong-type"),
        ([], "wrong-type"),
        ({}, "wrong-type"),
        (Unquoted("yes", "a boolean"), "ambiguous-value"),
    ],
)
def test_a_value_that_is_not_text_is_refused(value: Node, code: Code) -> None:
    reading = Reading({"key": value})
    assert reading.fields.string("key") is None
    assert reading.faults() == [("key", code)]


def test_valid_strings_are_unchanged() -> None:
    reading = Reading({"key": "a b é"})
    assert reading.fields.string("key") == "a b é"
    assert reading.fields.string("other") is None
    reading.problems.raise_if_any()


def test_a_missing_field_is_a_problem_where_it_is_required() -> None:
    reading = Reading({})
    assert reading.fields.string("key", required=True) is None
    assert reading.faults() == [("key", "missing")]


def test_a_text_that_needs_quotes_is_shown_with_them() -> None:
    reading = Reading({"a": Unquoted("no", "a boolean"), "b": True, "c": 7})
    for key in "abc":
        reading.fields.string(key)
    assert reading.message().splitlines() == [
        "a: looks like a boolean; quote it: 'no'",
        "b: expected a string, found true; quote it: 'true'",
        "c: expected a string, found the number 7; quote it: '7'",
    ]


@pytest.mark.parametrize("value", ["true", 1, 0, "yes", [], Unquoted("yes", "a boolean")])
def test_a_value_that_is_not_a_boolean_is_refused(value: Node) -> None:
    reading = Reading({"key": value})
    assert reading.fields.boolean("key", default=False) is False
    assert reading.faults() == [("key", "wrong-type")]


def test_lists_of_texts() -> None:
    reading = Reading({"one": "a", "many": ["a", "b"]})
    assert reading.fields.strings("one", single=True) == ("a",)
    assert reading.fields.strings("many") == ("a", "b")
    assert reading.fields.strings("none") is None
    reading.problems.raise_if_any()


@pytest.mark.parametrize(
    ("value", "single", "expected"),
    [
        ([], False, [("key", "empty")]),
        ("a", False, [("key", "wrong-type")]),
        ({}, True, [("key", "wrong-type")]),
        (7, True, [("key", "wrong-type")]),
        (["a", "a"], False, [("key", "duplicate-name")]),
        (["a", 7, None, ["b"]], False, [("key[1]", "wrong-type"), ("key[2]", "wrong-type"), ("key[3]", "wrong-type")]),
    ],
)
def test_a_value_that_is_not_a_list_of_texts_is_refused(
    value: Node,
    single: bool,  # noqa: FBT001 - a table's column
    expected: list[tuple[str, Code]],
) -> None:
    reading = Reading({"key": value})
    reading.fields.strings("key", single=single)
    assert reading.faults() == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", [("key", "wrong-type")]),
        ([], [("key", "empty")]),
        ([7, {}, {"a": "b"}], [("key[0]", "wrong-type"), ("key[1]", "empty")]),
    ],
)
def test_a_value_that_is_not_a_list_of_mappings_is_refused(value: Node, expected: list[tuple[str, Code]]) -> None:
    reading = Reading({"key": value})
    for fields in reading.fields.mappings("key"):
        fields.string("a")
        fields.finish()
    assert reading.faults() == expected


def test_a_name_with_a_bad_mapping_is_still_defined() -> None:
    reading = Reading({"key": {"a": 7, "b": None, "c": {"x": "y"}}})
    found = {name: fields is not None for name, fields in reading.fields.named_mappings("key")}
    assert found == {"a": False, "b": False, "c": True}
    assert reading.faults() == [("key.a", "wrong-type"), ("key.b", "empty")]


def test_unknown_keys_get_a_suggestion() -> None:
    reading = Reading({"audiense": "x", "zzz": 1, "passed": 2})
    reading.fields.string("audience")
    reading.fields.ignore("passed")
    reading.fields.finish()
    assert reading.message().splitlines() == [
        "audiense: unknown key; did you mean audience?",
        "zzz: unknown key; expected one of audience, passed",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "no value"),
        (True, "true"),
        (7, "the number 7"),
        ("x", "the string 'x'"),
        (Unquoted("0x1f", "a number"), "0x1f, which looks like a number"),
        ([1], "a list"),
        ({"a": 1}, "a mapping"),
    ],
)
def test_values_for_a_person(value: Node, text: str) -> None:
    assert described(value) == text


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        # What begins so, even where something else is closer letter by letter.
        ("github", ["github-actions", "gitlab"], "github-actions"),
        # Several begin so: the closest.
        ("git", ["github-actions", "gitlab"], "gitlab"),
        ("brnch", ["branch", "tag"], "branch"),
        ("Branch", ["branch", "tag"], "branch"),
        ("surprise", ["branch", "tag"], None),
        ("", ["branch"], None),
        ("b", ["branch"], None),
        ("branch", [], None),
    ],
)
def test_a_misspelt_name_gets_a_suggestion(name: str, known: list[str], found: str | None) -> None:
    assert closest_match(name, known) == found


def test_few_choices_are_listed_and_many_are_not() -> None:
    reading = Reading({"access": "psuh", "provider": "github"})
    reading.fields.choice("access", ("pull", "push"))
    reading.fields.choice("provider", ("github-actions", "gitlab", "a", "b", "c", "d"))
    assert reading.message().splitlines() == [
        "access: expected pull or push, found 'psuh'; did you mean push?",
        "provider: expected a known provider, found 'github'; did you mean github-actions?",
    ]


def test_many_choices_are_listed_where_none_was_meant() -> None:
    reading = Reading({"provider": "x"})
    reading.fields.choice("provider", ("a", "b", "c", "d", "e", "f"))
    assert reading.message() == "provider: expected a, b, c, d, e or f, found 'x'"
