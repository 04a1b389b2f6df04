import json
from base64 import b64decode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.test_strict_json import JSON
from tests.fake_issuer import encode, jwk, private_key
from token_exchange.core.keys import KeySet, UnusableKeySet
from token_exchange.core.ports import Json

ONE = jwk("RS256", private_key("RS256"), kid="one")
TWO = jwk("RS256", private_key("RS256", 1), kid="two")
PSS = jwk("PS256", private_key("RS256"), kid="one")
ELLIPTIC = jwk("ES256", private_key("ES256"), kid="one")


def parse(*entries: Json, algorithms: tuple[str, ...] = ("RS256",)) -> KeySet:
    return KeySet.parse(json.dumps({"keys": list(entries)}).encode(), algorithms=algorithms)


def test_a_set_is_read_alike_from_octets_and_from_a_policy() -> None:
    assert parse(ONE, TWO) == KeySet.parse({"keys": [ONE, TWO]}, algorithms=("RS256",))


def test_an_unusable_key_costs_only_itself() -> None:
    keys = parse(None, {**TWO, "use": "enc"}, ONE, {"kty": "oct", "k": "AAAA", "kid": "s\n"})
    assert [key.key_id for key in keys.keys] == ["one"]
    assert keys.left_out == (
        "keys[0]: not an object",
        "keys[1] 'two': use is not sig",
        r"keys[3] 's\n': a symmetric key",
    )


@pytest.mark.parametrize(
    ("document", "why"),
    [
        # an error page, a list, nothing
        (b"<html>503</html>", "the key set is not strict JSON: not JSON"),
        (b"", "the key set is not strict JSON: not JSON"),
        (b"[]", "the key set is not strict JSON: not a JSON object"),
        (b'{"keys": [], "keys": []}', "the key set is not strict JSON: an object has a duplicate member"),
        ({}, "the key set has no list keys"),
        ({"keys": {"one": ONE}}, "the key set has no list keys"),
        # no key, too many keys, only keys that cannot be used
        ({"keys": []}, "the key set is empty"),
        ({"keys": [ONE] * 101}, "the key set has 101 keys, expected at most 100"),
        ({"keys": [1]}, "no usable key: keys[0]: not an object"),
        (
            {"keys": [1, 2, 3, 4, 5]},
            "no usable key: keys[0]: not an object; keys[1]: not an object; keys[2]: not an object; and 2 more",
        ),
    ],
)
def test_an_unusable_set_says_why(document: bytes | dict[str, Json], why: str) -> None:
    with pytest.raises(UnusableKeySet) as refused:
        KeySet.parse(document, algorithms=("RS256",))
    assert str(refused.value) == why


def test_an_unsupported_algorithm_makes_no_key_usable() -> None:
    with pytest.raises(UnusableKeySet, match="no usable key"):
        parse(ONE, algorithms=("HS256", "none"))


def test_a_hundred_keys_are_taken() -> None:
    assert len(parse(*[ONE] * 100).keys) == 100


@pytest.mark.parametrize(
    ("entries", "key_id", "algorithm", "found"),
    [
        # by id and algorithm together
        ([ONE, TWO], "one", "RS256", 0),
        ([ONE, TWO], "two", "RS256", 1),
        ([ONE, TWO], "three", "RS256", None),
        ([ONE, TWO], "One", "RS256", None),
        ([ONE], "one", "PS256", None),
        # without an id, only where one key fits
        ([ONE, ELLIPTIC], None, "RS256", 0),
        ([ONE, TWO], None, "RS256", None),
        # an id carried by two keys, only where one of them fits
        ([ONE, ELLIPTIC], "one", "ES256", 1),
        ([ONE, PSS], "one", "PS256", 1),
        ([ONE, {**TWO, "kid": "one"}], "one", "RS256", None),
        ([ONE, {**TWO, "kid": "one"}, ELLIPTIC], "one", "ES256", 2),
        ([ONE, ONE, {**TWO, "kid": "one"}], "one", "RS256", None),
        # the same key published twice is one key: also with a sign byte, with more members, under two ids, with none
        ([ONE, ONE], "one", "RS256", 0),
        ([ONE, ONE], None, "RS256", 0),
        ([ONE] * 100, "one", "RS256", 0),
        ([ONE, {**ONE, "x5t": "abc", "use": "sig"}], "one", "RS256", 0),
        ([ONE, {**ONE, "n": encode(b"\x00" + b64decode(f"{ONE['n']}==", "-_"))}], "one", "RS256", 0),
        ([ONE, {**ONE, "kid": "two"}], "two", "RS256", 1),
        ([ONE, {**ONE, "kid": "two"}], None, "RS256", 0),
        ([ONE, TWO, ONE], "one", "RS256", 0),
        ([ONE, TWO, ONE], None, "RS256", None),
        # a key without an id is not the key of any id
        ([{**ONE, "kid": ""}], "one", "RS256", None),
        ([{name: ONE[name] for name in ONE if name != "kid"}], "one", "RS256", None),
        ([{name: ONE[name] for name in ONE if name != "kid"}], None, "RS256", 0),
    ],
)
def test_the_key_of_a_token(entries: list[Json], key_id: str | None, algorithm: str, found: int | None) -> None:
    keys = parse(*entries, algorithms=("RS256", "PS256", "ES256"))
    assert len(keys.keys) == len(entries)
    assert keys.find(key_id, algorithm) == (None if found is None else keys.keys[found])


@given(st.dictionaries(st.sampled_from(["keys", "kid"]), JSON))
def test_any_json_is_a_set_or_unusable(document: dict[str, Json]) -> None:
    with pytest.raises(UnusableKeySet):
        KeySet.parse(document, algorithms=("RS256", "ES256", "EdDSA"))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([ONE, ELLIPTIC]), st.sampled_from([*ONE, *ELLIPTIC, "d", "key_ops"]), JSON)
def test_any_change_to_a_key_leaves_a_set_or_makes_it_unusable(entry: dict[str, Json], name: str, value: Json) -> None:
    try:
        keys = KeySet.parse({"keys": [{**entry, name: value}, TWO]}, algorithms=("RS256", "ES256"))
    except UnusableKeySet:
        pytest.fail("the untouched key must stay")
    assert keys.find("two", "RS256") is not None


@given(st.lists(st.sampled_from([ONE, TWO, PSS, ELLIPTIC]), min_size=1, max_size=5), st.data())
def test_publishing_a_key_again_changes_no_answer(entries: list[Json], data: st.DataObject) -> None:
    again = data.draw(st.permutations([*entries, data.draw(st.sampled_from(entries))]))
    once, twice = (parse(*given, algorithms=("RS256", "PS256", "ES256")) for given in (entries, again))
    for key_id in ("one", "two", "three", None):
        for algorithm in ("RS256", "PS256", "ES256"):
            assert twice.find(key_id, algorithm) == once.find(key_id, algorithm)
