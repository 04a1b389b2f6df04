import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake_issuer import ISSUER, FakeIssuer, compact, encode
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.verifier import read_compact

GOOD = compact(b'{"alg":"RS256"}', b'{"iss":"https://ci.acme.example"}', b"\x00\xff")
HEADER, PAYLOAD, SIGNATURE = GOOD.split(".")


def test_takes_a_token_apart() -> None:
    token = read_compact(GOOD)
    assert token.unverified_header == {"alg": "RS256"}
    assert token.unverified_claims == {"iss": ISSUER}
    assert token.unverified_issuer == ISSUER
    assert token.signed_part == f"{HEADER}.{PAYLOAD}".encode()
    assert token.signature == b"\x00\xff"
    assert token.signed_part_sha256 == hashlib.sha256(f"{HEADER}.{PAYLOAD}".encode()).hexdigest()


def test_a_token_without_a_signature_has_the_shape() -> None:
    # So that the header can say what is wrong with it: such a token has alg none.
    token = read_compact(f"{HEADER}.{PAYLOAD}.")
    assert token.signature == b""
    assert token.signed_part == f"{HEADER}.{PAYLOAD}".encode()


@pytest.mark.parametrize("issuer", [None, 7, ["https://ci.acme.example"], {}])
def test_an_issuer_that_is_not_text_is_absent(issuer: object) -> None:
    payload = json.dumps({"iss": issuer}).encode()
    assert read_compact(compact(b"{}", payload, b"s")).unverified_issuer is None


def test_its_representation_reveals_nothing_of_the_token() -> None:
    assert repr(read_compact(GOOD)) == "UnverifiedToken()"


@pytest.mark.parametrize(
    ("raw_token", "why"),
    [
        # segments
        ("", "found 1"),
        ("abc", "found 1"),
        (f"{HEADER}.{PAYLOAD}", "found 2"),
        (f"{GOOD}.", "found 4"),
        (f"{GOOD}.{SIGNATURE}.{SIGNATURE}", "found 5"),  # an encrypted token
        ("..", "header is not strict JSON"),
        (f".{PAYLOAD}.{SIGNATURE}", "header is not strict JSON"),
        (f"{HEADER}..{SIGNATURE}", "payload is not strict JSON"),
        # white space, as copying and echo leave it
        (f" {GOOD}", "header is not canonical"),
        (f"{GOOD}\n", "signature is not canonical"),
        (f"{HEADER} .{PAYLOAD}.{SIGNATURE}", "header is not canonical"),
        (f"{HEADER[:4]}\n{HEADER[4:]}.{PAYLOAD}.{SIGNATURE}", "header is not canonical"),
        (f"'{GOOD}'", "header is not canonical"),
        # padding, and the other alphabet
        (f"{HEADER}.{PAYLOAD}.{SIGNATURE}=", "signature is not canonical"),
        (f"{HEADER}.{PAYLOAD}.{SIGNATURE}==", "signature is not canonical"),
        (f"{HEADER}.{PAYLOAD}.-__+", "signature is not canonical"),
        (f"{HEADER}.{PAYLOAD}.-_/-", "signature is not canonical"),
        # stray bits behind the last octet: AP9 and AP8 decode alike
        (f"{HEADER}.{PAYLOAD}.AP9", "signature is not canonical"),
        (f"{HEADER}.{PAYLOAD}.AB", "signature is not canonical"),
        (f"{HEADER}.{PAYLOAD}.A", "signature is not canonical"),
        (f"{HEADER}.{PAYLOAD}.AP8AA", "signature is not canonical"),
        # not ASCII
        (f"{HEADER}.{PAYLOAD}.\u0410P8", "not ASCII"),
        (f"{HEADER}.{PAYLOAD}.\ud800", "not ASCII"),
        (f"{HEADER}\x00.{PAYLOAD}.{SIGNATURE}", "header is not canonical"),
        # JSON
        (compact(b"[]", b"{}", b"s"), "header is not strict JSON: not a JSON object"),
        (compact(b"{}", b"[]", b"s"), "payload is not strict JSON: not a JSON object"),
        (compact(b"\xef\xbb\xbf{}", b"{}", b"s"), "header is not strict JSON: not JSON"),
        (compact(b'{"alg":"RS256","alg":"none"}', b"{}", b"s"), "an object has a duplicate member"),
        (compact(b"{}", b'{"iss":"a","iss":"b"}', b"s"), "an object has a duplicate member"),
        (compact(b"{}", b'{"exp":NaN}', b"s"), "NaN"),
        (compact(b"{}", b'{"exp":1e999}', b"s"), "a number is too large"),
        (compact(b"{}", b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", b"s"), "nested more than 32 levels deep"),
        (
            compact(b"{}", b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}", b"s"),
            "more than 1000 commas and opening brackets",
        ),
        (compact(b'{"a": [' + b"1," * 1000 + b"1]}", b"{}", b"s"), "its header is not strict JSON: more than 1000"),
        ("." * 16_000, "expected 3 segments, found 16001"),
        (compact(b"{}", b'{"sub":"\xff"}', b"s"), "not UTF-8"),
    ],
)
def test_other_shapes_are_malformed(raw_token: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        read_compact(raw_token)
    assert refused.value.reason is Reason.MALFORMED_TOKEN
    assert why in refused.value.description


def test_the_size_is_looked_at_first() -> None:
    exact = f"{HEADER}.{encode(b'{}')}."
    exact += "A" * (16 * 1024 - len(exact))
    assert read_compact(exact).signature
    for larger in (f"{exact}A", "\u0410" * 16_385, "." * 1_000_000):
        with pytest.raises(Refused) as refused:
            read_compact(larger)
        assert refused.value.reason is Reason.TOKEN_TOO_LARGE


SEGMENT = st.binary(max_size=30).map(encode) | st.text(max_size=20)


@given(st.text() | st.lists(SEGMENT, min_size=3, max_size=3).map(".".join))
def test_any_string_is_read_or_refused(raw_token: str) -> None:
    try:
        token = read_compact(raw_token)
    except Refused:
        return
    assert token.raw_token == raw_token


@given(st.data())
def test_no_two_texts_are_the_same_token(data: st.DataObject) -> None:
    raw_token = FakeIssuer().token()
    place = data.draw(st.integers(0, len(raw_token) - 1))
    other = data.draw(st.characters())
    changed = raw_token[:place] + other + raw_token[place + 1 :]
    try:
        token = read_compact(changed)
    except Refused:
        return
    assert (token.signed_part, token.signature) != (
        read_compact(raw_token).signed_part,
        read_compact(raw_token).signature,
    ) or changed == raw_token
