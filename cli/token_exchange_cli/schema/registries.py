"""Registries, each type with keys of its own."""

from typing import assert_never

from token_exchange.core.ports import Json
from token_exchange.loading.registries import TYPES, Type
from token_exchange_cli.schema.forms import ACCOUNT, Schema, choice, mapping, text, texts


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
            "properties": {"type": choice("ecr, ecr-public, or secret for a login that is kept elsewhere.", TYPES)},
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
