"""The forms of values, conditions and registries in the JSON Schema."""

from collections.abc import Mapping, Sequence
from typing import Final, assert_never

from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import NAMES
from token_exchange.loading.registries import TYPES, Type

type Schema = dict[str, Json]


def text(description: str, **more: Json) -> Schema:
    """Return the schema of a string that is not empty."""
    return {"description": description, "type": "string", "minLength": 1, **more}


def flag(description: str) -> Schema:
    """Return the schema of a boolean."""
    return {"description": description, "type": "boolean"}


def choice(description: str, choices: Sequence[str]) -> Schema:
    """Return the schema of one of several strings."""
    return {"description": description, "enum": [*choices]}


def duration(description: str) -> Schema:
    """Return the schema of a duration."""
    return {"description": description, "type": "string", "pattern": "^(0|[1-9][0-9]{0,6})[smh]$"}


def listed(description: str, item: Schema, **more: Json) -> Schema:
    """Return the schema of a list that is not empty."""
    return {"description": description, "type": "array", "minItems": 1, "items": item, **more}


def texts(description: str, **of_each: Json) -> Schema:
    """Return the schema of a list of distinct strings."""
    return listed(description, {"type": "string", "minLength": 1, **of_each}, uniqueItems=True)


def mapping(description: str, properties: Mapping[str, Schema], required: Sequence[str] = (), **more: Json) -> Schema:
    """Return the schema of a mapping with these keys and no others."""
    found: Schema = {
        "description": description,
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
        **more,
    }
    return {**found, "required": [*required]} if required else found


def named(description: str, entry: Schema) -> Schema:
    """Return the schema of a mapping from names that the author chooses."""
    return {
        "description": description,
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": NAME},
        "additionalProperties": entry,
    }


def ref(definition: str) -> Schema:
    """Return a reference to a definition in `$defs`."""
    return {"$ref": f"#/$defs/{definition}"}


def without(*keys: str) -> Schema:
    """Return the schema of a mapping that lacks `keys`."""
    return {"properties": dict.fromkeys(keys, False)}


NAME = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
ACCOUNT = "^[0-9]{12}$"
ROLE = "^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$"

REPOSITORY = rf"^(?:[a-z0-9._/*-]|\{{(?:{'|'.join(NAMES)})\}})+$"
"""Wider than the loader's rule, which also checks the order of the parts."""

_RAW_TEXT: Final[Schema] = {
    "description": "A literal value. A pattern goes under like.",
    "type": "string",
    "pattern": "^[^*]*$",
}

_PLAIN_TEXT: Final[Schema] = {**_RAW_TEXT, "minLength": 1}

_GLOB: Final[Schema] = {
    "description": "A pattern for the whole value: ** is any text, * any text without / and :, ? one such character.",
    "type": "string",
    "minLength": 1,
}


def _one_or_more(value: Schema) -> Schema:
    return {"anyOf": [value, {"type": "array", "minItems": 1, "items": value}]}


def _operators(value: Schema, *, has_globs: bool) -> Schema:
    globs: dict[str, Json] = {
        "like": {"description": "Matches one of these patterns.", **_one_or_more(_GLOB)},
        "not_like": {
            "description": "Present, not empty, and matches none of these patterns.",
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
            "not": {"description": "Present, of the same type, not empty, and none of these.", **_one_or_more(value)},
            "exists": flag("Present, or absent."),
        },
    }


def _condition(value: Schema, *, has_globs: bool) -> Schema:
    return {"anyOf": [*_alternatives(value), _operators(value, has_globs=has_globs)]}


def _alternatives(value: Schema) -> list[Json]:
    return [value, {"type": "array", "minItems": 1, "items": value}]


_OPERATORS: Final = ("like", "not", "not_like", "exists")
_SCALAR: Final[Schema] = {"anyOf": [_RAW_TEXT, {"type": ["number", "boolean"]}]}


def condition_definitions() -> dict[str, Schema]:
    """Return the definitions for `match` and `claims`."""
    nested: Schema = {
        "description": "Conditions inside a nested claim.",
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


def registry_definitions() -> dict[str, Schema]:
    """Return the definition of a registry."""
    cases: list[Json] = [
        {"if": {"properties": {"type": {"const": kind}}, "required": ["type"]}, "then": _of(kind)} for kind in TYPES
    ]
    return {
        "registry": {
            "description": "A registry that grants may name.",
            "type": "object",
            "required": ["type"],
            "properties": {"type": choice("ecr, ecr-public, or secret for a stored login.", TYPES)},
            "allOf": cases,
        }
    }


def _of(kind: Type) -> Schema:
    account = text("The 12 digits of the AWS account, in quotes.", pattern=ACCOUNT)
    match kind:
        case "ecr":
            region = text("Such as eu-west-1.")
            hosts = texts("Further host names of the same registry.")
            return _mapping(kind, {"account": account, "region": region, "hosts": hosts}, ("account", "region"))
        case "ecr-public":
            return _mapping(kind, {"account": account}, ())
        case "secret":
            host = text("The registry's host, such as docker.io, without https://.")
            arn = text("The secret in Secrets Manager that holds username and password.", pattern="^arn:")
            return _mapping(kind, {"host": host, "secret_arn": arn}, ("host", "secret_arn"))
        case _:
            assert_never(kind)


def _mapping(kind: Type, keys: dict[str, Schema], required: tuple[str, ...]) -> Schema:
    return mapping(f"A registry of the type {kind}.", {"type": {}, **keys}, required)
