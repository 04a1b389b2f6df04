"""Strict JSON: only documents that every parser reads the same way.

Source: RFC 8259, RFC 7493 (I-JSON). Parsers that disagree have let one component check a value and another use a
different one (CVE-2017-12635, CouchDB: duplicate members).
"""

import json
import math
from collections.abc import Iterable
from typing import Final, NoReturn

from token_exchange.core.ports import Json

_MAX_DEPTH: Final = 32
"""Later steps recurse into values; unlimited nesting would exhaust the stack."""

_TOO_DEEP: Final = f"nested more than {_MAX_DEPTH} levels deep"

_MAX_INTEGER_CHARACTERS: Final = 20
"""Enough for 64 bits, signed or unsigned. Longer numbers take time to parse and overflow a float later."""

_MAX_FLOAT_CHARACTERS: Final = 64

MAX_VALUES: Final = 1000
"""Commas and opening brackets in a request or a token, also inside strings: an upper bound for the number of values.

A real token has about fifty claims; the longest list among them, GitLab's `groups_direct`, has at most 200 groups. Each
value costs a Python call: without this limit, 64 KiB of `[]` took as long as ten exchanges.
"""

MAX_DOCUMENT_VALUES: Final = 5000
"""The same for an issuer's document: a hundred keys, each with about fifteen members and a certificate chain."""


class NotStrictJson(ValueError):
    """The bytes are not one strict JSON object; the message names the broken rule and quotes no input."""


class RepeatedMember(NotStrictJson):
    """An object has two members called `name`."""

    def __init__(self, name: str) -> None:
        super().__init__("an object has a duplicate member")
        self.name = name


def parse_object(document: bytes, *, max_values: int | None = MAX_VALUES) -> dict[str, Json]:
    """Return the one JSON object in `document`.

    The document must be UTF-8 without a byte order mark. Refused are duplicate members at any level, `NaN` and
    `Infinity`, numbers beyond 64 bits or a double, lone surrogates, more than 32 levels of nesting, and more values
    than `max_values`. `max_values` is None only for files of the user who runs the program.

    Raises:
        NotStrictJson: the bytes break one of these rules.
    """
    # Counted before anything is parsed: the cost of a hostile document is in the parsing.
    brackets = document.count(b"[") + document.count(b"{")
    if max_values is not None and document.count(b",") + brackets > max_values:
        raise NotStrictJson(f"more than {max_values} commas and opening brackets")
    try:
        value: Json = _DECODER.decode(document.decode("utf-8"))
    except UnicodeDecodeError:
        raise NotStrictJson("not UTF-8") from None
    except NotStrictJson:
        raise
    except ValueError:
        raise NotStrictJson("not JSON") from None
    except RecursionError:
        raise NotStrictJson(_TOO_DEEP) from None
    if not isinstance(value, dict):
        raise NotStrictJson("not a JSON object")
    if brackets > _MAX_DEPTH:
        _require_shallow(value)
    if b"\\u" in document:
        _require_whole_characters(value)
    return value


def _require_shallow(value: Json) -> None:
    """Refuse deep nesting, level by level; the parser's own limit is far beyond what later steps can recurse into."""
    level: list[Json] = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for outer in level for inner in _elements(outer) if isinstance(inner, dict | list)]
        if not level:
            return
    raise NotStrictJson(_TOO_DEEP)


def _elements(value: Json) -> Iterable[Json]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
        case _:
            return ()


def _require_whole_characters(value: Json) -> None:
    """Refuse a lone surrogate: it has no UTF-8 form, so logging or hashing the string would fail later."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise NotStrictJson("a lone surrogate") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    # Parsers differ in which duplicate they keep (RFC 8259 section 4).
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise RepeatedMember(name)
            seen.add(name)
    return members


def _integer(digits: str) -> int:
    if len(digits) > _MAX_INTEGER_CHARACTERS:
        raise NotStrictJson(f"an integer of more than {_MAX_INTEGER_CHARACTERS} characters")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits) if len(digits) <= _MAX_FLOAT_CHARACTERS else math.inf
    if math.isinf(number):
        raise NotStrictJson("a number is too large or too long")
    return number


def _constant(name: str) -> NoReturn:
    raise NotStrictJson(f"{name} is not valid JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
