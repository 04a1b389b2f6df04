"""JSON that outsiders send: bodies, headers and payloads of tokens, issuers' documents."""

import json
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzz.pieces import COUNTER, JSON_PIECES, built, grown, texts
from fuzz.target import Broken, Json
from fuzz.targets.plain import Plain
from token_exchange.core.strict_json import NotStrictJson, parse_object

_MOST_CHARACTERS: Final = 256 * 1024
_PLAIN_BYTES: Final = 1000
_SAMPLES: Final = (
    '{"alg":"RS256","kid":"a","typ":"JWT"}',
    '{"iss":"https://ci.acme.example","aud":["a","b"],"exp":1800000000,"iat":1.5,"nested":{"a":{"b":null}}}',
    '{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"a"}]}',
)


class StrictJson(Plain):
    """Only `NotStrictJson` is raised, what is read is what every reader reads, and what is plain is read."""

    name = "json"

    @property
    def inputs(self) -> SearchStrategy[Json]:
        """Draw text, as UTF-8 or as octets."""
        most = _MOST_CHARACTERS // 8
        text = st.one_of(
            texts(JSON_PIECES, most_characters=_MOST_CHARACTERS, samples=_SAMPLES),
            grown("{", f'"{COUNTER}":1,', '"z":1,"z":1}', most_times=most),
            grown('{"a":[', f'"{COUNTER}",', "1]}", most_times=most),
            grown('{"a":', '[{"a":', "", most_times=most),
            grown('{"a":"', "\\u0041", '"}', most_times=most),
            grown('{"a":', "9", "}", most_times=most),
            grown('{"a":"', '\\"', "", most_times=most),
            _values().map(json.dumps),
        )
        return st.fixed_dictionaries({"text": text, "encoding": st.sampled_from(["utf-8", "utf-8", "latin-1"])})

    def size_bytes(self, given: Json) -> int:
        """Return the length of the document."""
        return len(_document(given))

    def check(self, given: Json) -> None:
        """Read the document."""
        document = _document(given)
        try:
            found = parse_object(document)
        except NotStrictJson:
            if _is_plain(document):
                raise Broken("refuses-plain-json", "a plain object is refused") from None
            return
        if found != json.loads(document) or repr(found) != repr(json.loads(document)):
            raise Broken("reads-another-value", "json.loads reads another value")
        if _has_repeated_member(document):
            raise Broken("repeated-member", "an object has a duplicate member is read")
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()


def _document(given: Json) -> bytes:
    match given:
        case {"text": text, "encoding": "latin-1"}:
            return built(text).encode("latin-1", "replace")
        case {"text": text}:
            return built(text).encode("utf-8", "surrogatepass")
        case _:
            raise ValueError("not an input of this target")


def _values() -> SearchStrategy[Json]:
    leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False) | st.text()
    inner: SearchStrategy[Json] = st.recursive(
        leaves, lambda below: st.lists(below) | st.dictionaries(st.text(), below), max_leaves=20
    )
    return st.dictionaries(st.text(), inner)


def _is_plain(document: bytes) -> bool:
    """Return whether every reader must accept the document: small, complete, and as Python itself writes it."""
    try:
        found = json.loads(document)
        written = json.dumps(found, allow_nan=False).encode()
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and written == document and len(document) < _PLAIN_BYTES and b"[[" not in document


def _has_repeated_member(document: bytes) -> bool:
    repeated: list[str] = []

    def members(pairs: list[tuple[str, Json]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            repeated.extend([name] if name in seen else [])
            seen.add(name)

    json.loads(document, object_pairs_hook=members)
    return bool(repeated)
