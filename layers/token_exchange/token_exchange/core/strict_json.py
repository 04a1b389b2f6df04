"""JSON objects read so that no two readers can disagree about what they say."""

import json
import math
from collections.abc import Iterable
from typing import Final, NoReturn

from token_exchange.core.ports import Json

_MAX_DEPTH: Final = 32
_TOO_DEEP: Final = f"nested more than {_MAX_DEPTH} deep"

_MAX_INTEGER_CHARACTERS: Final = 20
"""All of 64 bits, signed or not. More would let a number take time to parse and overflow a float later."""

_MAX_FLOAT_CHARACTERS: Final = 64

MAX_VALUES: Final = 1000
"""Commas and opening brackets in what a stranger sends, wherever they stand: at least as many as there are values.

An honest token has some fifty claims; the longest of their lists, GitLab's `groups_direct`, ends at 200 groups. Each
value costs a call of Python, so without a bound 64 KiB of `[]` took as long as ten exchanges.
"""

MAX_DOCUMENT_VALUES: Final = 5000
"""The same for an issuer's document: a hundred keys, each with some fifteen members and a chain of certificates."""


class NotStrictJson(ValueError):
    """The bytes are not one JSON object as RFC 8259 and RFC 7493 have it; the text names the rule, not the bytes."""


class RepeatedMember(NotStrictJson):
    """An object has a member twice; `name` is its name."""

    def __init__(self, name: str) -> None:
        super().__init__("a member twice in one object")
        self.name = name


def parse_object(document: bytes, *, max_values: int | None = MAX_VALUES) -> dict[str, Json]:
    """Return the one JSON object that `document` holds.

    Strict UTF-8 without a byte order mark; no member twice at any level, since parsers differ in which they
    keep; no `NaN` or `Infinity`; no number beyond 64 bits or a double; no lone surrogate; nested at most 32 deep;
    no more values than `max_values`, which is None only for documents of the person who runs the program.

    Raises:
        NotStrictJson: the bytes break one of these rules.
    """
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
    """Refuse deep nesting, level by level: the parser has its own bound, far beyond what later steps recurse into."""
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
    """Refuse half of a surrogate pair: it is a text that no later step could encode."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise NotStrictJson("a lone surrogate") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
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
        raise NotStrictJson("a number too large or too long")
    return number


def _constant(name: str) -> NoReturn:
    raise NotStrictJson(f"{name}, which JSON does not have")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
