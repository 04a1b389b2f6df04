"""The forms of single values, and short words for the schema's own."""

from collections.abc import Mapping, Sequence

from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import NAMES

type Schema = dict[str, Json]


def text(description: str, **more: Json) -> Schema:
    """Return the schema of a text that is not empty."""
    return {"description": description, "type": "string", "minLength": 1, **more}


def flag(description: str) -> Schema:
    """Return the schema of a boolean."""
    return {"description": description, "type": "boolean"}


def choice(description: str, choices: Sequence[str]) -> Schema:
    """Return the schema of one of several texts."""
    return {"description": description, "enum": [*choices]}


def duration(description: str) -> Schema:
    """Return the schema of a length of time."""
    return {"description": description, "type": "string", "pattern": "^(0|[1-9][0-9]{0,6})[smh]$"}


def listed(description: str, item: Schema, **more: Json) -> Schema:
    """Return the schema of a list that is not empty."""
    return {"description": description, "type": "array", "minItems": 1, "items": item, **more}


def texts(description: str, **of_each: Json) -> Schema:
    """Return the schema of a list of different texts."""
    return listed(description, {"type": "string", "minLength": 1, **of_each}, uniqueItems=True)


def mapping(description: str, properties: Mapping[str, Schema], required: Sequence[str] = (), **more: Json) -> Schema:
    """Return the schema of a mapping that has these keys and no others."""
    found: Schema = {
        "description": description,
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
        **more,
    }
    return {**found, "required": [*required]} if required else found


def named(description: str, entry: Schema) -> Schema:
    """Return the schema of a mapping from names of the author's own."""
    return {
        "description": description,
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": NAME},
        "additionalProperties": entry,
    }


def ref(definition: str) -> Schema:
    """Return a reference to what stands under `$defs`."""
    return {"$ref": f"#/$defs/{definition}"}


def without(*keys: str) -> Schema:
    """Return the schema of a mapping that lacks `keys`."""
    return {"properties": dict.fromkeys(keys, False)}


NAME = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
ACCOUNT = "^[0-9]{12}$"
ROLE = "^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$"
REPOSITORY = rf"^(?:[a-z0-9._/*-]|\{{(?:{'|'.join(NAMES)})\}})+$"
"""Wider than the loader's rule, which also looks at how the parts stand together."""
