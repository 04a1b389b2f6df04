"""What a request sent, read once: which queries hold a token, and that no byte is expensive."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.growth import is_linear
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange.core.verifier import read_compact
from token_exchange.http.event import HttpRequest, parse_pairs
from token_exchange.http.parameters import SentParameters
from token_exchange.http.request import parse_scope
from token_exchange.reporting.safe_text import redacted_start

REST = "eyJzdWIiOiJ4In0.c2ln"
SPACE = st.text(st.sampled_from(" \t\r\n"), max_size=7)


def sent(
    query: tuple[tuple[str, str], ...] | None = (), body: bytes = b"", content_type: str | None = None
) -> SentParameters:
    return SentParameters.read(
        HttpRequest(
            method="POST",
            path="/v1/token",
            query=query,
            authorization=(),
            content_type=content_type,
            body=body,
            api_request_id=None,
            source_ip=None,
            user_agent=None,
        )
    )


def is_refused(value: str) -> bool:
    read = sent((("foo", value),)).query
    assert not isinstance(read, Refused) or read.reason is Reason.MALFORMED_REQUEST
    return isinstance(read, Refused)


def token(header: str) -> str:
    return f"{urlsafe_b64encode(header.encode()).rstrip(b'=').decode()}.{REST}"


@pytest.mark.parametrize("around", ["{}", "Bearer {}", "a.{}", "a.b.{}", "x={};", "https://ci.example/{}/x"])
def test_a_token_in_the_query_is_refused(subtests: pytest.Subtests, around: str) -> None:
    for header in [
        '{"alg":"RS256"}',
        '{ "alg":"RS256"}',
        '{\n "alg":"RS256"}',
        '{\r\n "alg":"RS256"}',
        '{\t"alg":"RS256"}',
        ' {"alg":"RS256"}',
        '\n{"alg":"RS256"}',
        '\r\n\t {\r\n\t "alg" : "RS256" }',
        " " * 1000 + '{"alg":"RS256"}',
        '{"alg":""}',
    ]:
        with subtests.test(header=header):
            assert is_refused(around.format(token(header)))


@given(SPACE, SPACE, st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_white_space_in_its_header_hides_no_token(before: str, within: str, more: dict[str, str]) -> None:
    written = json.dumps({"alg": "RS256", **more})
    assert is_refused(token(f"{before}{{{within}{written[1:]}"))


@pytest.mark.parametrize("value", [f"my_{token('{"alg":"RS256"}')}", f"x-{token('{ "alg":"RS256"}')}"])
def test_a_token_behind_a_prefix_is_refused(value: str) -> None:
    assert is_refused(value)


@pytest.mark.parametrize(
    "value",
    [
        "https://exchange.acme.example",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "ewoks-from-endor.acme.example",
        "eyjafjallajokull.acme.example",
        "v1.2.3",
        "repository:ci/acme/my.app.v2:pull",
        "..",
        "eyJhbGciOiJSUzI1NiJ9",
        "a" * 10_000,
    ],
)
def test_a_name_with_dots_is_not_a_token(value: str) -> None:
    assert not is_refused(value)


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_pairs_are_read_as_they_were_encoded(pairs: list[tuple[str, str]]) -> None:
    octets = [
        tuple("".join(f"%{octet:02x}" for octet in text.encode("utf-8", "replace")) for text in pair) for pair in pairs
    ]
    expected = tuple(
        (name.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode()) for name, value in pairs
    )
    assert parse_pairs("&".join(f"{name}={value}" for name, value in octets).encode()) == expected


@pytest.mark.parametrize(
    ("encoded", "pairs"),
    [
        (b"a=b+c%2B&d", (("a", "b c+"), ("d", ""))),
        (b"&&a=1&", (("a", "1"),)),
        (b"a=b=c", (("a", "b=c"),)),
        (b"%61%3d=%26", (("a=", "&"),)),
        (b"a=%C3%a9", (("a", "é"),)),
        ("a=é%c3%a9".encode(), (("a", "éé"),)),
        # a backslash is a character like others
        (rb"a=\x41\n\\%5c%5cu0041", (("a", r"\x41\n\\\\u0041"),)),
        (b"a=\\\n", (("a", "\\\n"),)),
        # no escapes, no UTF-8
        (b"a=%", None),
        (b"a=%4", None),
        (b"a=%zz", None),
        (b"a=%+1", None),
        (b"a=100%&b=1", None),
        (b"a=%ff", None),
        (b"a=\xff", None),
        (b"a=%ed%a0%80", None),
    ],
)
def test_pairs_of_a_query_or_a_form(encoded: bytes, pairs: tuple[tuple[str, str], ...] | None) -> None:
    assert parse_pairs(encoded) == pairs


@given(st.binary(max_size=60))
def test_any_octets_are_pairs_or_none(encoded: bytes) -> None:
    pairs = parse_pairs(encoded)
    if pairs is not None:
        assert all("%" not in text or b"%25" in encoded for pair in pairs for text in pair)


def _repeated(length: int) -> bytes:
    return b"{" + b",".join(b'"%x":1' % number for number in range(length)) + b',"0":1}'


def _read_json(document: bytes) -> None:
    with suppress(NotStrictJson):
        parse_object(document, max_values=None)


def _read_token(text: str) -> None:
    with suppress(Refused):
        read_compact(text)


def _read_scope(text: str) -> None:
    with suppress(Refused):
        parse_scope(text)


LINEAR: dict[str, tuple[Callable[..., object], Callable[[int], object], int]] = {
    "a repeated member": (_read_json, _repeated, 2000),
    "a query of beginnings of tokens": (is_refused, lambda n: "eyJ" * n, 5000),
    "a query of runs with one dot": (is_refused, lambda n: "eyJa." * n, 5000),
    "a query of spaced headers": (is_refused, lambda n: "ICAg" * n + ".a.", 20_000),
    "escapes": (parse_pairs, lambda n: b"%41" * n, 50_000),
    "escapes between other characters": (parse_pairs, lambda n: "é%41".encode() * n, 30_000),
    "dots": (_read_token, lambda n: "." * n, 4000),
    "actions of a scope": (_read_scope, lambda n: "repository:a:" + "," * n, 100_000),
    "colons of a scope": (_read_scope, lambda n: ":" * n, 100_000),
    "a user agent": (redacted_start, lambda n: "Bearer  a/" * n, 2000),
}


@pytest.mark.parametrize("what", LINEAR)
def test_reading_takes_time_as_its_length(what: str) -> None:
    call, of_length, length = LINEAR[what]
    assert is_linear(call, of_length, length)
