import re
from hashlib import sha256

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from token_exchange.core.session import fitted, fitted_tags, session_name, source_identity

FOREIGN = re.compile(r"[^a-z0-9-]+")
MARK = re.compile(r"-[0-9a-f]{16}\Z")

# What a provider can send: anything but halves of surrogate pairs, which no token gets through with.
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
NEAR = st.text(alphabet="ab-/é0f", min_size=0, max_size=30)


def _fit(value: str) -> str:
    return fitted(value, foreign=FOREIGN, max_length=40, min_length=2)


def _hash(value: str) -> str:
    return sha256(value.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("x" * 40, "x" * 40),
        # Altered: foreign, too long, too short.
        ("acme/shop", f"acme-shop-{_hash('acme/shop')}"),
        ("x" * 41, f"{'x' * 23}-{_hash('x' * 41)}"),
        ("a", f"a-{_hash('a')}"),
        ("", f"-{_hash('')}"),
        ("///", f"--{_hash('///')}"),
        # One that ends like the mark of another would otherwise read like that other.
        (f"acme-shop-{_hash('acme/shop')}", f"acme-shop-{_hash('acme/shop')[:13]}-"),
    ],
)
def test_a_value_is_unchanged_or_marked(value: str, expected: str) -> None:
    found = _fit(value)
    if MARK.search(value):
        assert found.endswith(_hash(value))
        assert found != value
        assert len(found) <= 40
    else:
        assert found == expected


@given(VALUES | NEAR)
def test_it_has_the_alphabet_and_the_length(value: str) -> None:
    found = _fit(value)
    assert not FOREIGN.search(found)
    assert 2 <= len(found) <= 40
    assert (found == value) != bool(MARK.search(found))


@given(VALUES | NEAR, VALUES | NEAR)
@example("acme/shop", "acme-shop")
@example("acme/shop", "acme//shop")
@example("a" * 41, "a" * 42)
@example("A", "B")
def test_two_values_never_become_one(one: str, other: str) -> None:
    assume(one != other)
    assert _fit(one) != _fit(other)


@given(VALUES | NEAR)
def test_a_caller_cannot_choose_the_name_of_another(value: str) -> None:
    marked = _fit(value)
    assume(marked != value)
    assert _fit(marked) != marked


@given(VALUES)
def test_a_source_identity_is_one_for_sts(value: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_+=,.@-]{2,64}", source_identity(value))


@given(VALUES)
def test_a_tags_value_is_one_for_sts(value: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{0,128}", fitted_tags({"key": value})["key"])


NAMED = st.dictionaries(
    st.sampled_from(["repository_id", "pipeline_id", "actor_id", "run_id", "repository"]), VALUES.filter(bool)
)


@given(NAMED, st.uuids())
def test_a_session_name_is_valid_and_ends_unpredictably(values: dict[str, str], request: object) -> None:
    name = session_name(values, request_id=str(request))
    assert re.fullmatch(r"[A-Za-z0-9_+=,.@-]{2,64}", name)
    assert name.endswith(str(request).replace("-", "")[:12])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"repository_id": "7", "pipeline_id": "8", "actor_id": "9", "run_id": "1"}, "7-1-0a1b2c3d4e5f"),
        ({"pipeline_id": "8", "actor_id": "9", "run_id": "1"}, "8-1-0a1b2c3d4e5f"),
        ({"actor_id": "9"}, "9-0a1b2c3d4e5f"),
        ({"run_id": "1"}, "1-0a1b2c3d4e5f"),
        ({}, "0a1b2c3d4e5f"),
    ],
)
def test_a_session_is_named_by_ids(values: dict[str, str], expected: str) -> None:
    assert session_name(values, request_id="0a1b2c3d-4e5f-6789-abcd-ef0123456789") == expected


def test_a_source_identity_is_whole_up_to_stss_limit() -> None:
    assert source_identity("x" * 64) == "x" * 64
    assert len(source_identity("x" * 65)) == 64


def test_any_request_id_gives_digits() -> None:
    assert session_name({}, request_id="offline") == sha256(b"offline").hexdigest()[:12]


@pytest.mark.parametrize("value", ["a_b", "a,b", "a.b", "a+b", "a=b", "a@b", "a-b"])
def test_characters_allowed_in_a_name_are_unchanged(value: str) -> None:
    assert source_identity(value) == value


@pytest.mark.parametrize("value", ["", "a_b", "a.b", "a b", "a:b", "a/b", "a=b", "a+b", "a-b", "a@b"])
def test_characters_allowed_in_a_tag_are_unchanged(value: str) -> None:
    assert fitted_tags({"who": value}) == {"who": value}


def test_without_a_repository_the_pipeline_names_the_session() -> None:
    name = session_name({"pipeline_id": "p-1", "actor_id": "a-1", "run_id": "7"}, request_id="0" * 32)
    assert name == f"p-1-7-{'0' * 12}"
    assert session_name({"actor_id": "a-1"}, request_id="0" * 32) == f"a-1-{'0' * 12}"


def test_a_session_name_takes_all_the_room_there_is() -> None:
    name = session_name({"repository_id": "r" * 51}, request_id="0" * 32)
    assert name == f"{'r' * 51}-{'0' * 12}"
    assert len(name) == 64
    assert len(session_name({"repository_id": "r" * 52}, request_id="0" * 32)) == 64
