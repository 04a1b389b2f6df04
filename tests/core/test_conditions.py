"""Each operator against each kind of claim, read from a policy as its author writes it."""

import enum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.loading.documents import changed, document, load
from token_exchange.core.conditions import (
    Condition,
    Equals,
    Exists,
    Like,
    NamedCondition,
    RawCondition,
    key_of,
    keys_of,
)
from token_exchange.core.glob import compile_glob
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import claim_at


class Claim(enum.Enum):
    ABSENT = enum.auto()


ABSENT = Claim.ABSENT

SCALARS = st.booleans() | st.integers(-5, 5) | st.sampled_from([0.0, 1.0, 1.5]) | st.sampled_from(["a", "b", "1", ""])


def holds(form: Json, value: Json | Claim) -> bool:
    policy = load(changed(changed(document(), "grants[0].issuers", ["own"]), "grants[0].claims", {"probe": form}))
    (condition,) = policy.grants[0].conditions
    return condition.holds(condition.found({}, {} if isinstance(value, Claim) else {"probe": value}))


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        # equality: exactly, and in its type
        ("main", "main", True),
        (["dev", "main"], "main", True),
        ("main", "Main", False),
        ("main", "main ", False),
        ("main", "m\u0430in", False),
        ("caf\u00e9", "cafe\u0301", False),
        ("main", "", False),
        ("", "", True),
        (["main", ""], "", True),
        ("", None, False),
        ("", ABSENT, False),
        ("", [], False),
        ("main", None, False),
        ("main", ABSENT, False),
        ("main", {"main": "main"}, False),
        ("1", 1, False),
        (1, "1", False),
        (1, True, False),
        (True, 1, False),
        (True, "true", False),
        ("true", True, False),
        (False, 0, False),
        (False, None, False),
        (0, False, False),
        (1, 1, True),
        (1, 1.0, True),
        (1.0, 1, True),
        (True, True, True),
        (False, False, True),
        (10**17, 10**17 + 1, False),
        # a list holds where some element does
        ("main", ["dev", "main"], True),
        ("main", [], False),
        ("main", [["main"]], False),
        ("main", [None, "main"], True),
        ("main", [{"main": 1}], False),
        (1, [True], False),
        # like: text alone, and no control characters
        ({"like": "v*"}, "v1", True),
        ({"like": ["x", "v*"]}, "v1", True),
        ({"like": "v*"}, "v1/2", False),
        ({"like": "v*"}, "V1", False),
        ({"like": "**"}, "", True),
        ({"like": "**"}, None, False),
        ({"like": "**"}, ABSENT, False),
        ({"like": "**"}, 1, False),
        ({"like": "**"}, True, False),
        ({"like": "**"}, {"a": "v1"}, False),
        ({"like": "**"}, "a\nb", False),
        ({"like": "**"}, "a\x00", False),
        ({"like": "**"}, "a\x7f", False),
        ({"like": "**"}, "a\x85", False),
        ({"like": "**"}, "a\u2028", False),
        ({"like": "**"}, "a\u2029", False),
        ({"like": "**"}, "a\u200b", True),
        ({"like": "v*"}, ["x", "v1"], True),
        ({"like": "v*"}, [1, None, "v\n1"], False),
        ({"like": "v*"}, [], False),
        # not: what is not there, empty, garbled or of another type is no proof of being different
        ({"not": "main"}, "dev", True),
        ({"not": "main"}, "main", False),
        ({"not": ["main", "dev"]}, "dev", False),
        ({"not": "main"}, "", False),
        ({"not": "main"}, None, False),
        ({"not": "main"}, ABSENT, False),
        ({"not": "main"}, 7, False),
        ({"not": "main"}, True, False),
        ({"not": "main"}, {"a": 1}, False),
        ({"not": "main"}, "dev\n", False),
        ({"not": "main"}, "main\x00", False),
        ({"not": 1}, 2, True),
        ({"not": 1}, 1.0, False),
        ({"not": 1}, True, False),
        ({"not": True}, False, True),
        ({"not": True}, 0, False),
        ({"not": True}, True, False),
        ({"not": ["main", 1]}, 2, True),
        ({"not": ["main", 1]}, "dev", True),
        ({"not": ["main", 1]}, False, False),
        # … and of a list, each element has to prove it
        ({"not": "main"}, ["dev", "next"], True),
        ({"not": "main"}, ["dev", "main"], False),
        ({"not": "main"}, ["dev", ""], False),
        ({"not": "main"}, ["dev", 7], False),
        ({"not": "main"}, ["dev", None], False),
        ({"not": "main"}, [["dev"]], False),
        ({"not": "main"}, [], False),
        # not_like
        ({"not_like": "v*"}, "main", True),
        ({"not_like": "v*"}, "v1", False),
        ({"not_like": "v*"}, "v/1", True),
        ({"not_like": "v*"}, "V1", True),
        ({"not_like": ["v*", "m*"]}, "main", False),
        ({"not_like": "v*"}, "", False),
        ({"not_like": "v*"}, None, False),
        ({"not_like": "v*"}, ABSENT, False),
        ({"not_like": "v*"}, 7, False),
        ({"not_like": "v*"}, False, False),
        ({"not_like": "v*"}, {}, False),
        ({"not_like": "v*"}, "ma\nin", False),
        ({"not_like": "v*"}, ["main", "dev"], True),
        ({"not_like": "v*"}, ["main", "v1"], False),
        ({"not_like": "v*"}, ["main", 1], False),
        ({"not_like": "v*"}, [], False),
        # exists: null is absence, empty text under `claims` is not
        ({"exists": True}, "x", True),
        ({"exists": True}, "", True),
        ({"exists": True}, False, True),
        ({"exists": True}, [], True),
        ({"exists": True}, None, False),
        ({"exists": True}, ABSENT, False),
        ({"exists": False}, ABSENT, True),
        ({"exists": False}, None, True),
        ({"exists": False}, "", False),
        ({"exists": False}, 0, False),
        # several operators must all hold
        ({"like": "v*", "not": "v1"}, "v2", True),
        ({"like": "v*", "not": "v1"}, "v1", False),
        ({"like": "v*", "not_like": "*-rc"}, "v1-rc", False),
        ({"exists": True, "not": "main"}, "dev", True),
        ({"exists": False, "not": "main"}, "dev", False),
        ({"exists": False, "not": "main"}, ABSENT, False),
        # nested
        ({"inner": "x"}, {"inner": "x"}, True),
        ({"inner": "x"}, {"inner": {"x": 1}}, False),
        ({"inner": "x"}, [{"inner": "x"}], False),
        ({"inner": "x"}, "x", False),
        ({"inner": "x"}, ABSENT, False),
        ({"inner": {"exists": False}}, ABSENT, True),
        ({"inner": {"deep.er/name:x": {"like": "v*"}}}, {"inner": {"deep.er/name:x": "v1"}}, True),
    ],
)
def test_a_form_against_a_claim(form: Json, value: Json | Claim, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert holds(form, value) is expected


@settings(deadline=None)
@given(SCALARS, SCALARS | st.lists(SCALARS))
def test_nothing_satisfies_an_operator_and_its_negation(wanted: Json, value: Json) -> None:
    assert not (holds(wanted, value) and holds({"not": wanted}, value))


@settings(deadline=None)
@given(SCALARS, SCALARS)
def test_values_are_equal_as_json_has_it(one: Json, other: Json) -> None:
    alike = isinstance(one, bool) is isinstance(other, bool)
    assert (key_of(one) == key_of(other)) is (alike and one == other)


def test_only_scalars_have_a_key() -> None:
    assert key_of(None) is None
    assert key_of(["a"]) is None
    assert key_of({"a": "a"}) is None


def condition(*, ignore_case: bool) -> Condition:
    return RawCondition(
        path=("probe",),
        tests=(Equals(keys_of(["acme/App"], ignore_case=ignore_case)),),
        expected=["acme/App"],
        ignore_case=ignore_case,
    )


def test_case_is_ignored_only_where_asked() -> None:
    assert not condition(ignore_case=False).holds("ACME/app")
    exact = (Equals(keys_of(["App"], ignore_case=False)),)
    assert RawCondition(path=("probe",), tests=exact, expected=["App"]).holds("App")
    assert condition(ignore_case=True).holds("ACME/app")
    assert condition(ignore_case=True).holds(["x", "ACME/APP"])
    assert not condition(ignore_case=True).holds(["ACME", 7])
    # A letter in another form is the same letter.
    assert keys_of(["\u017fhop"], ignore_case=True) == keys_of(["SHOP"], ignore_case=True)


def test_each_uuid_of_a_list_loses_its_braces() -> None:
    uuid = "3b1e0c9a-5d2f-4a67-8c41-0f9d7e6b2a58"
    raw = RawCondition(path=("ids",), tests=(), expected=[], strip_braces=True)
    assert raw.found({}, {"ids": [f"{{{uuid}}}", "{name}", 7]}) == [uuid, "{name}", 7]
    assert RawCondition(path=("ids",), tests=(), expected=[]).found({}, {"ids": "{" + uuid + "}"}) == "{" + uuid + "}"


def test_a_condition_singles_out_no_other_claim() -> None:
    absent = (Exists(present=False),)
    nested = RawCondition(path=("origin", "x"), tests=absent, expected={"exists": False})
    assert nested.singles_out(("origin", "x"), {})
    assert not nested.singles_out(("origin",), {})
    # a name that this system's tokens never have
    assert not NamedCondition(name="tag", tests=absent, expected={"exists": False}).singles_out(("tag",), {})


def test_an_index_holds_only_exact_values() -> None:
    assert condition(ignore_case=False).exact_keys == frozenset({("text", "acme/App")})
    assert condition(ignore_case=True).exact_keys is None
    tests = (Like((compile_glob("v*"),)), Exists(present=True))
    only_like = NamedCondition(name="tag", tests=tests, expected=[])
    assert only_like.exact_keys is None


def test_a_claim_is_quoted_by_its_name_or_path() -> None:
    assert condition(ignore_case=False).claim == "probe"
    nested = RawCondition(path=("a", "b"), tests=(), expected=[])
    assert nested.claim == ["a", "b"]


def test_a_name_and_a_raw_claim_of_that_name_differ() -> None:
    found = document()
    found = changed(found, "grants[0].match", {"branch": "main"})
    found = changed(found, "grants[0].claims", {"branch": "other"})
    named, raw = load(found).grants[0].conditions
    assert named.found({"branch": "main"}, {"branch": "other"}) == "main"
    assert raw.found({"branch": "main"}, {"branch": "other"}) == "other"


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.text() | st.none()))
def test_a_path_leads_only_through_mappings(claims: dict[str, Json]) -> None:
    assert claim_at(claims, ("a", "b")) is None
