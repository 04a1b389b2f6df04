"""Claims of a record: what it has, what was absent, and what it does not tell."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange_cli.logs.lines import Block
from token_exchange_cli.replay.recorded import NotRecorded, RecordedClaims, record_in, whole_record

_CUT = "x" * 256 + "…[9 more]"
_CLAIMS = RecordedClaims({"sub": "repo:o/r", "ref": _CUT}, frozenset({"sub", "ref", "environment"}))


def test_a_whole_claim_is_given_and_an_absent_one_is_none() -> None:
    assert (_CLAIMS["sub"], _CLAIMS.get("sub"), _CLAIMS.get("environment", "x")) == ("repo:o/r", "repo:o/r", "x")
    assert (list(_CLAIMS), len(_CLAIMS)) == (["sub", "ref"], 2)
    assert _CLAIMS.recorded() == {"sub": "repo:o/r", "ref": _CUT}


@pytest.mark.parametrize("name", ["ref", "run_id"])
def test_a_cut_or_unrecorded_claim_is_not_guessed(name: str) -> None:
    assert not _CLAIMS.is_recorded(name)
    with pytest.raises(NotRecorded, match=f"the claim {name}"):
        _CLAIMS[name]
    with pytest.raises(NotRecorded, match=f"the claim {name}"):
        _CLAIMS.get(name)


def _as_the_layer(line: bytes) -> object:
    try:
        return parse_object(line, max_values=None)
    except NotStrictJson as error:
        return str(error)


def _as_read(line: bytes) -> object:
    try:
        return record_in(line)
    except NotStrictJson as error:
        return str(error)


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1.0,"b":1e5,"c":-0,"d":-0.0,"e":26.780}',
        b'{"a":18446744073709551615,"b":18446744073709551616,"c":99999999999999999999}',
        b'{"a":100000000000000000000000}',
        b'{"a":1e999}',
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\u00e9 \\u007f / \\/"}',
        b'{"a":"\x7f \xc3\xa9"}',
        b'{"a":"\xff"}',
        b'{"a":"\n"}',
        b' {"a":1}',
        b'{"a":1}{"a":1}',
        b"[1]",
        b"1",
        b"",
        b'{"a":' + b"[" * 31 + b"]" * 31 + b"}",
        b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
        b'{"a":' + b"[" * 5000,
    ],
)
def test_a_line_is_read_as_the_layer_reads_it(line: bytes) -> None:
    assert repr(_as_read(line)) == repr(_as_the_layer(line))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


@given(
    value=st.dictionaries(st.text(max_size=3), _VALUES, max_size=4),
    ensure_ascii=st.booleans(),
    separators=st.sampled_from([None, (",", ":")]),
)
def test_any_object_is_read_as_the_layer_reads_it(
    *, value: dict[str, Json], ensure_ascii: bool, separators: tuple[str, str] | None
) -> None:
    line = json.dumps(value, ensure_ascii=ensure_ascii, separators=separators).encode("utf-8", "surrogatepass")
    assert repr(_as_read(line)) == repr(_as_the_layer(line))


@pytest.mark.parametrize(
    "line",
    [
        b'{"record":"audit","a":1}',
        b'{"a":[],"record":"audit"}',
        b'{"record":"audit","a":"}{"}',
        b'{"record":"audit","a":"\xc3\xa9"}',
        b'{"record":"audit","a":{"record":"audit"}}',
    ],
)
def test_a_whole_line_is_the_record_that_a_search_finds(line: bytes) -> None:
    block = Block("x", 1, len(line) + 1, line + b"\n")
    (searched,), (parsed,) = block.lines(), block.lines(whole_record)
    assert [record_in(text) for text in searched.audit] == [parsed.record] == [json.loads(line)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"record":"audit","a":1}' * 2,
        b'{"record": "audit"}',
        b'{"record":"audit","record":"audit"}',
        b'{"record":"audit","a":1e3}',
        b'{"record":"other","a":{"record":"audit"}}',
        b'{"message":"{\\"record\\":\\"audit\\"}"}',
        b'["record","audit"]',
        b'{"record":"audit","a":"\xff"}',
        b'{"record":"audit","a":' + b"[" * 40 + b"]" * 40 + b"}",
        b' {"record":"audit"}',
        b'{"record":"audit"',
        b"",
    ],
)
def test_any_other_line_is_searched(line: bytes) -> None:
    block = Block("x", 1, len(line) + 1, line + b"\n")
    assert whole_record(line + b"\n") is None
    assert [*block.lines(whole_record)] == [*block.lines()]
