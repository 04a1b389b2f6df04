"""Conditions: what a claim has to be."""

from typing import Final

from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import NAMES
from token_exchange_cli.schema.forms import Schema, flag

_PLAIN_TEXT: Final[Schema] = {
    "description": "A value, compared as it stands. A pattern goes under like.",
    "type": "string",
    "minLength": 1,
    "pattern": r"^[^*]+$",
}

_GLOB: Final[Schema] = {
    "description": "A pattern of the whole value: * any run but / and :, ** any run at all, ? one character but those.",
    "type": "string",
    "minLength": 1,
}


def _one_or_more(value: Schema) -> Schema:
    return {"anyOf": [value, {"type": "array", "minItems": 1, "items": value}]}


def _operators(value: Schema, *, has_globs: bool) -> Schema:
    globs: dict[str, Json] = {
        "like": {"description": "Matches one of these patterns.", **_one_or_more(_GLOB)},
        "not_like": {
            "description": "Is there, not empty, and matches none of these patterns.",
            **_one_or_more(_GLOB),
        },
    }
    return {
        "description": "Several operators must all hold.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            **(globs if has_globs else {}),
            "not": {"description": "Is there, of the same type, not empty, and none of these.", **_one_or_more(value)},
            "exists": flag("Is there, or is not."),
        },
    }


def _condition(value: Schema, *, has_globs: bool) -> Schema:
    return {"anyOf": [*_alternatives(value), _operators(value, has_globs=has_globs)]}


def _alternatives(value: Schema) -> list[Json]:
    return [value, {"type": "array", "minItems": 1, "items": value}]


_OPERATORS: Final = ("like", "not", "not_like", "exists")

_SCALAR: Final[Schema] = {"anyOf": [_PLAIN_TEXT, {"type": ["number", "boolean"]}]}


def condition_definitions() -> dict[str, Schema]:
    """Return the definitions that `match` and `claims` are made of."""
    nested: Schema = {
        "description": "Leads further into a nested claim.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"not": {"enum": [*_OPERATORS]}},
        "additionalProperties": {"$ref": "#/$defs/claim"},
    }
    return {
        "text_condition": _condition(_PLAIN_TEXT, has_globs=True),
        "flag_condition": _condition({"type": "boolean"}, has_globs=False),
        "claim": {"anyOf": [*_alternatives(_SCALAR), _operators(_SCALAR, has_globs=True), nested]},
        "match": {
            "description": "Conditions on names of the common vocabulary; all must hold.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                name: {"$ref": f"#/$defs/{'flag' if name == 'ref_protected' else 'text'}_condition"} for name in NAMES
            },
        },
        "claims": {
            "description": "Conditions on claims by the token's own names, nested where the token nests them.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"$ref": "#/$defs/claim"},
        },
    }
