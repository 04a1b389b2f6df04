import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (b"{}", {}),
        (b' \t\r\n{"a": [1, -2, 1.5, true, false, null, "x"]} \n', {"a": [1, -2, 1.5, True, False, None, "x"]}),
        ('{"é": "\U0001f600"}'.encode(), {"é": "\U0001f600"}),
        (rb'{"a": "\ud83d\ude00 \u0041"}', {"a": "\U0001f600 A"}),
        (b'{"a": {"b": 1}, "b": 1}', {"a": {"b": 1}, "b": 1}),
        # the largest numbers
        (b'{"a": 18446744073709551615, "b": -9223372036854775808}', {"a": 2**64 - 1, "b": -(2**63)}),
        (b'{"a": 1.7976931348623157e308}', {"a": 1.7976931348623157e308}),
        # many brackets that are not deep, and brackets that are text
        (b'{"a": [' + b",".join([b"{}"] * 40) + b"]}", {"a": [{}] * 40}),
        (b'{"a": "' + b"[" * 40 + b'"}', {"a": "[" * 40}),
        (rb'{"a": "\"' + b"[" * 40 + rb'\\"}', {"a": '"' + "[" * 40 + "\\"}),
    ],
)
def test_reads_an_object(document: bytes, value: Json) -> None:
    assert parse_object(document) == value


@pytest.mark.parametrize(
    ("document", "why"),
    [
        # not UTF-8, or with a mark that some readers drop
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\xc0\xaf"}', "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        # not an object
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"a"', "not a JSON object"),
        (b"1", "not a JSON object"),
        (b"null", "not a JSON object"),
        # more than JSON
        (b"{} {}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b'{"a": +1}', "not JSON"),
        (b'{"a": 1} // note', "not JSON"),
        (b'{"a": "\n"}', "not JSON"),
        (b'{"a": "', "not JSON"),
        (b"{\xc2\xa0}", "not JSON"),
        # a member twice: a reader that keeps the first and one that keeps the last see two tokens
        (b'{"aud": "a", "aud": "b"}', "an object has a duplicate member"),
        (rb'{"aud": "a", "\u0061ud": "b"}', "an object has a duplicate member"),
        (b'{"a": [{"b": 1, "b": 1}]}', "an object has a duplicate member"),
        # numbers that are none, or that overflow later
        (b'{"exp": NaN}', "NaN is not valid JSON"),
        (b'{"exp": Infinity}', "Infinity is not valid JSON"),
        (b'{"exp": -Infinity}', "-Infinity is not valid JSON"),
        (b'{"exp": 1e400}', "a number is too large or too long"),
        (b'{"exp": -1e400}', "a number is too large or too long"),
        (b'{"exp": 1.' + b"0" * 64 + b"}", "a number is too large or too long"),
        (b'{"exp": ' + b"9" * 21 + b"}", "an integer of more than 20 characters"),
        (b'{"exp": ' + b"9" * 5000 + b"}", "an integer of more than 20 characters"),
        # depth
        (nested(33), "nested more than 32 levels deep"),
        (nested(500), "nested more than 32 levels deep"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "nested more than 32 levels deep"),
        # more values than a token or a body has, wherever they stand
        (b'{"a": [' + b"1," * 1000 + b"1]}", "more than 1000 commas and opening brackets"),
        (b'{"a": ["' + b"," * 1000 + b'"]}', "more than 1000 commas and opening brackets"),
        (b"{" + b",".join(b'"%d": 1' % i for i in range(1001)) + b"}", "more than 1000 commas and opening brackets"),
        (nested(8000), "more than 1000 commas and opening brackets"),
        (b"[" * 100_000, "more than 1000 commas and opening brackets"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "nested more than 32 levels deep"),
        # half a character: nothing could hash or log it later
        (rb'{"sub": "\ud800"}', "a lone surrogate"),
        (rb'{"sub": ["\udc00\ud800"]}', "a lone surrogate"),
        (rb'{"\udfff": 1}', "a lone surrogate"),
    ],
)
def test_refuses_what_parsers_disagree_on(document: bytes, why: str) -> None:
    with pytest.raises(NotStrictJson) as refused:
        parse_object(document)
    assert str(refused.value) == why


def test_takes_a_thousand_values() -> None:
    assert parse_object(b'{"a": [' + b"1," * 997 + b"1]}") == {"a": [1] * 998}


def test_another_limit_is_another_documents() -> None:
    document = b'{"a": [' + b"1," * 2000 + b"1]}"
    assert parse_object(document, max_values=2002) == parse_object(document, max_values=None) == {"a": [1] * 2001}
    with pytest.raises(NotStrictJson, match="more than 2001 commas"):
        parse_object(document, max_values=2001)


@pytest.mark.parametrize("document", [b"[" * 100_000, b'{"a":' * 100_000])
def test_depth_is_bounded_where_values_are_not(document: bytes) -> None:
    with pytest.raises(NotStrictJson, match="nested more than 32 levels deep"):
        parse_object(document, max_values=None)


def test_takes_thirty_two_levels() -> None:
    assert list(parse_object(nested(32))) == ["a"]


@pytest.mark.parametrize("document", [b'"\\"' * 4000, b'"' + b"\\" * 8001, b'"[' * 4000 + b"\\"])
def test_hostile_quoting_is_refused_in_one_pass(document: bytes) -> None:
    # An expression that backtracks needs seconds for each of these, and the suite would show it.
    with pytest.raises(NotStrictJson):
        parse_object(b"[" * 33 + document)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda octets: b'{"a":' + octets + b"}"))
def test_any_octets_give_an_object_or_our_error(document: bytes) -> None:
    try:
        value = parse_object(document)
    except NotStrictJson:
        return
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans())
def test_strict_output_is_read_back(value: dict[str, Json], ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    assert parse_object(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


def test_takes_a_number_of_sixty_four_characters_and_no_longer() -> None:
    longest = "0." + "1" * 62
    assert parse_object(f'{{"a": {longest}}}'.encode()) == {"a": float(longest)}
    with pytest.raises(NotStrictJson, match="a number is too large or too long"):
        parse_object(f'{{"a": {longest}1}}'.encode())
