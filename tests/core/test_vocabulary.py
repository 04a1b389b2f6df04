import pytest

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.sources import BracedUuid, Claim, ClaimUnless, Constant, Flag, ShortRef
from token_exchange.core.vocabulary import IDS, NAMES, RENAMEABLE, claim_at, spelled, string_at, without_braces
from token_exchange.presets.bitrise import Joined
from token_exchange.presets.gitlab import TypedRef

BRANCH = ShortRef(("ref",), ("ref_type",), "branch")
TAG = ShortRef(("ref",), ("ref_type",), "tag")
SHORT = TypedRef(("ref",), ("ref_type",), "branch", ((("source",)), frozenset({"merge_request_event"})))


def test_sets_of_names_are_made_of_names() -> None:
    assert len(set(NAMES)) == len(NAMES) == 19
    assert set(NAMES) > IDS | RENAMEABLE
    assert not IDS & RENAMEABLE
    assert {name for name in NAMES if name.endswith("_id")} == IDS


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"a": {"b": "x"}}, "x"),
        ({"a": {"b": None}}, None),
        ({"a": None}, None),
        ({"a": ["b"]}, None),
        ({"a": "b"}, None),
        ({}, None),
        ({"a.b": "x"}, None),
    ],
)
def test_nested_claims(claims: dict[str, Json], expected: Json) -> None:
    assert claim_at(claims, ("a", "b")) == expected


def test_a_nested_path_is_shown_with_arrows() -> None:
    assert spelled(("a", "b")) == "a → b"


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), (7, "7"), (0, "0"), (-1, "-1"), ("", None), (None, None), (" ", " ")]
)
def test_text_of_a_claim(value: Json, text: str | None) -> None:
    assert string_at({"a": value}, ("a",)) == text
    assert Claim(("a",)).read({"a": value}) == text


@pytest.mark.parametrize("value", [True, False, 1.5, 7.0, [], ["x"], {}, {"x": "y"}])
def test_values_without_a_string_form_are_refused(value: Json) -> None:
    with pytest.raises(Refused) as refused:
        string_at({"a": value}, ("a",))
    assert refused.value.reason is Reason.INVALID_CLAIM
    assert "claim a" in refused.value.description


@pytest.mark.parametrize(
    ("ref", "ref_type", "branch", "tag"),
    [
        ("refs/heads/main", "branch", "main", None),
        ("refs/heads/a/b", "branch", "a/b", None),
        ("refs/tags/v1", "tag", None, "v1"),
        # a pull request's is neither, whatever its type says
        ("refs/pull/7/merge", "branch", None, None),
        ("refs/pull/7/head", "tag", None, None),
        # where ref and type disagree nothing is guessed
        ("refs/heads/main", "tag", None, None),
        ("refs/tags/v1", "branch", None, None),
        ("refs/heads/main", None, None, None),
        ("refs/heads/main", "", None, None),
        ("refs/heads/main", "Branch", None, None),
        # no short name
        ("refs/heads/", "branch", None, None),
        ("main", "branch", None, None),
        ("REFS/heads/main", "branch", None, None),
        (" refs/heads/main", "branch", None, None),
        ("", "branch", None, None),
        (None, "branch", None, None),
        # a name that repeats the prefix keeps it
        ("refs/heads/refs/heads/main", "branch", "refs/heads/main", None),
        ("refs/heads/refs/tags/v1", "branch", "refs/tags/v1", None),
    ],
)
def test_short_refs(ref: Json, ref_type: Json, branch: str | None, tag: str | None) -> None:
    claims = {"ref": ref, "ref_type": ref_type}
    assert BRANCH.read(claims) == branch
    assert TAG.read(claims) == tag


@pytest.mark.parametrize(
    ("claims", "branch"),
    [
        ({"ref": "main", "ref_type": "branch"}, "main"),
        ({"ref": "main", "ref_type": "branch", "source": "push"}, "main"),
        ({"ref": "main", "ref_type": "branch", "source": "merge_request_event"}, None),
        ({"ref": "main", "ref_type": "tag"}, None),
        ({"ref": "main"}, None),
        ({"ref": "", "ref_type": "branch"}, None),
    ],
)
def test_refs_sent_in_short_form(claims: dict[str, Json], branch: str | None) -> None:
    assert SHORT.read(claims) == branch


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (False, False), ("true", True), ("false", False), ("", None), (None, None)],
)
def test_flags(value: Json, expected: bool | None) -> None:  # noqa: FBT001 - a table's column
    assert Flag(("a",)).read({"a": value}) is expected


@pytest.mark.parametrize("value", ["True", "yes", "1", 1, 0, [], ["true"], {}, " true"])
def test_a_value_that_is_not_a_flag_is_refused(value: Json) -> None:
    with pytest.raises(Refused) as refused:
        Flag(("a",)).read({"a": value})
    assert refused.value.reason is Reason.INVALID_CLAIM


def test_every_source_says_which_claims_it_is_made_of() -> None:
    assert Claim(("a", "b")).source_claims == (("a", "b"),)
    assert Flag(("a",)).source_claims == (("a",),)
    assert BRANCH.source_claims == SHORT.source_claims == (("ref",), ("ref_type",))
    assert Constant("x").source_claims == ()
    assert BracedUuid(("a",)).source_claims == (("a",),)
    assert Joined(("a",), ("b",)).source_claims == (("a",), ("b",))
    assert ClaimUnless(("a",), unless=("b",)).source_claims == (("a",),)


UUID = "3f1d7c52-8a40-4b6e-9d15-c2e70a94b836"


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        (f"{{{UUID}}}", UUID),
        (f"{{{UUID.upper()}}}", UUID.upper()),
        (UUID, UUID),
        # a name in braces is another name, which anybody can choose
        ("{production}", "{production}"),
        ("{}", "{}"),
        ("", ""),
        # half a pair, two pairs, something beside it
        (f"{{{UUID}", f"{{{UUID}"),
        (f"{UUID}}}", f"{UUID}}}"),
        (f"{{{{{UUID}}}}}", f"{{{{{UUID}}}}}"),
        (f"{{{UUID}}}\n", f"{{{UUID}}}\n"),
        (f"{{{UUID}}}:{{{UUID}}}", f"{{{UUID}}}:{{{UUID}}}"),
    ],
)
def test_a_uuid_loses_its_braces_and_nothing_else_does(text: str, bare: str) -> None:
    assert without_braces(text) == bare
    assert BracedUuid(("a",)).read({"a": text}) == (bare or None)


@pytest.mark.parametrize(
    ("owner", "name", "joined"),
    [
        ("a", "b", "a/b"),
        ("a/b", "c", "a/b/c"),
        # the same as the former, if it counted
        ("a", "b/c", None),
        ("a", "", None),
        ("", "b", None),
        (None, "b", None),
        ("a", None, None),
    ],
)
def test_two_claims_make_a_repository(owner: Json, name: Json, joined: str | None) -> None:
    assert Joined(("o",), ("n",)).read({"o": owner, "n": name}) == joined


@pytest.mark.parametrize(("other", "value"), [(None, "x"), ("", "x"), ("main", None), (" ", None), (0, None)])
def test_a_claim_that_another_takes_away(other: Json, value: str | None) -> None:
    assert ClaimUnless(("a",), unless=("b",)).read({"a": "x", "b": other}) == value


def test_a_constant_ignores_the_claims() -> None:
    assert Constant("nordlicht").read({"organization": "evil"}) == "nordlicht"
