"""JSON objects read so that no two readers can disagree about what they say."""

import json
import math
import re
from typing import Final, NoReturn

from token_exchange.core.ports import Json

_MAX_DEPTH: Final = 32


_MAX_INTEGER_CHARACTERS: Final = 20
"""All of 64 bits, signed or not. More would let a number take time to parse and overflow a float later."""


_MAX_FLOAT_CHARACTERS: Final = 64


_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
"""Possessive, and content with an unclosed string, so that hostile bytes cost linear time."""


class NotStrictJson(ValueError):
    """The bytes are not one JSON object as RFC 8259 and RFC 7493 have it; the text names the rule, not the bytes."""


class RepeatedMember(NotStrictJson):
    """An object has a member twice; `name` is its name."""

    def __init__(self, name: str) -> None:
        super().__init__("a member twice in one object")
        self.name = name


def parse_object(document: bytes) -> dict[str, Json]:
    """Return the one JSON object that `document` holds.

    Strict UTF-8 without a byte order mark; no member twice at any level, since parsers differ in which they
    keep; no `NaN` or `Infinity`; no number beyond 64 bits or a double; no lone surrogate; nested at most 32 deep.

    Raises:
        NotStrictJson: the bytes break one of these rules.
    """
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        raise NotStrictJson("not UTF-8") from None
    _require_shallow(document)
    try:
        value: Json = _DECODER.decode(text)
    except NotStrictJson:
        raise
    except ValueError:
        raise NotStrictJson("not JSON") from None
    if not isinstance(value, dict):
        raise NotStrictJson("not a JSON object")
    if "\\u" in text:
        _require_whole_characters(value)
    return value


def _require_shallow(document: bytes) -> None:
    """Refuse deep nesting before the recursive parser sees it; the ordinary document is only counted."""
    if document.count(b"[") + document.count(b"{") <= _MAX_DEPTH:
        return
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(document):
        first = found.group()[:1]
        if first == b'"':
            continue
        depth += 1 if first in b"[{" else -1
        if depth > _MAX_DEPTH:
            raise NotStrictJson(f"nested more than {_MAX_DEPTH} deep")


def _require_whole_characters(value: Json) -> None:
    """Refuse half of a surrogate pair: it is a text that no later step could encode."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise NotStrictJson("a lone surrogate") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise RepeatedMember(next(name for name in members if names.count(name) > 1))
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
