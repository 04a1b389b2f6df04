"""Keeps an audit record small: values are cut and marked, and a record that is still too long loses entries.

A stranger chooses most of what a record holds, and a line that CloudWatch cuts is a record that nobody can read.
"""

import json
from typing import Final, assert_never

from token_exchange.ports import Json

MAX_RECORD_CHARACTERS: Final = 7600
"""Under 8 KiB with what the logger adds to a line."""

_MAX_VALUE_CHARACTERS: Final = 256


def within_size(fields: dict[str, Json]) -> dict[str, Json]:
    """Return `fields` with `considered`, `would` and `claims` cut, in this order, as far as it takes to fit."""
    for name in ("considered", "would", "claims"):
        excess = _length(fields) - MAX_RECORD_CHARACTERS
        if excess <= 0:
            break
        value = fields.get(name)
        if isinstance(value, list):
            fields[name], left_out = _shorter_list(value, excess)
        elif isinstance(value, dict):
            fields[name], left_out = _shorter_mapping(value, excess)
        else:
            continue
        fields[f"{name}_left_out"] = left_out
    identity = fields.get("identity")
    if isinstance(identity, dict) and _length(fields) > MAX_RECORD_CHARACTERS:
        # Every name stays; only values of which each character takes six or twelve are shorter.
        fields["identity"] = {
            name: cut_as_written(value) if isinstance(value, str) else value for name, value in identity.items()
        }
    return fields


def _shorter_list(value: list[Json], excess: int) -> tuple[Json, int]:
    kept = [*value]
    while kept and excess > 0:
        excess -= _length(kept.pop()) + 1
    return kept, len(value) - len(kept)


def _shorter_mapping(value: dict[str, Json], excess: int) -> tuple[Json, int]:
    kept = dict(value)
    while kept and excess > 0:
        excess -= _length(dict([kept.popitem()]))
    return kept, len(value) - len(kept)


def _length(value: Json) -> int:
    return len(json.dumps(value))


def cut(value: str | None) -> str | None:
    """Return `value` without what lies behind its first 256 characters, and marked where something does."""
    if value is None or len(value) <= _MAX_VALUE_CHARACTERS:
        return value
    return f"{value[:_MAX_VALUE_CHARACTERS]}…[{len(value) - _MAX_VALUE_CHARACTERS} more]"


def cut_as_written(value: str | None) -> str | None:
    """Return `value` cut where it takes more than 256 characters with its escapes, and marked where it is cut."""
    if value is None or _length(value) <= _MAX_VALUE_CHARACTERS:
        return value
    kept = value[:_MAX_VALUE_CHARACTERS]
    while _length(kept) > _MAX_VALUE_CHARACTERS:
        kept = kept[:-1]
    return f"{kept}…[{len(value) - len(kept)} more]"


def cut_json(value: Json) -> Json:
    """Return `value`, or the beginning of how it is spelled where that is too long."""
    match value:
        case str():
            return cut(value)
        case list() | dict():
            spelled = json.dumps(value)
            return value if len(spelled) <= _MAX_VALUE_CHARACTERS else cut(spelled)
        case bool() | int() | float() | None:
            return value
        case _:
            assert_never(value)
