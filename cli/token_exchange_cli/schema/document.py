"""The whole document: a policy, the main file of a folder, or a folder's file of grants."""

from token_exchange.core.policy import ASSUMES
from token_exchange.core.ports import Json
from token_exchange_cli.schema.conditions import condition_definitions
from token_exchange_cli.schema.forms import Schema, listed, mapping, named, ref, texts
from token_exchange_cli.schema.grants import grant_definitions
from token_exchange_cli.schema.issuers import issuer_definitions
from token_exchange_cli.schema.registries import registry_definitions


def policy_schema() -> Schema:
    """Return the schema, of JSON Schema's draft 2020-12.

    Everything that loads is valid by it. What it cannot say, such as which names exist, the loader says.
    """
    is_grants_alone: Schema = {
        "required": ["grants"],
        "properties": dict.fromkeys(("version", "issuers", "registries"), False),
    }
    definitions: dict[str, Json] = {
        **condition_definitions(),
        **issuer_definitions(),
        **registry_definitions(),
        **grant_definitions(),
        "file": _file(),
        "policy": _policy(),
        "grants_file": mapping("The grants of one file of a folder.", {"grants": ref("grants")}, ("grants",)),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policy of ecr-token-exchange",
        "description": "Whom the service trusts, and which registry logins they get.",
        "type": "object",
        "if": is_grants_alone,
        "then": ref("grants_file"),
        "else": ref("policy"),
        "$defs": definitions,
    }


def _policy() -> Schema:
    return mapping(
        "A policy, or the main file of one that is a folder.",
        {
            "version": {"description": "The version of this form.", "const": 1},
            "issuers": named("Whose tokens are trusted, by names of your own.", ref("issuer")),
            "registries": named("Registries, by names of your own.", ref("registry")),
            "deny": listed("Looked at first: the kill switch.", ref("deny_rule")),
            "grants": ref("grants"),
            "files": {
                "description": "In a folder: what the grants of each file may name.",
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": "^grants/"},
                "additionalProperties": ref("file"),
            },
        },
        ("version", "issuers", "registries"),
        oneOf=[{"required": ["grants"]}, {"required": ["files"]}],
    )


def _file() -> Schema:
    return mapping(
        "What the grants of one file may name.",
        {
            "issuers": texts("These issuer entries."),
            "organizations": ref("organizations"),
            "registries": texts("These registries."),
            "roles": texts("These roles; the end of a name may be *.", pattern="^arn:"),
            "repository_prefixes": texts("Repositories that begin so."),
            "signing_profiles": texts("These signing profiles, by their ARNs.", pattern="^arn:"),
            "assume": listed(
                "How its grants may assume their roles; only broker where this is missing.",
                {"enum": [*ASSUMES]},
                uniqueItems=True,
            ),
        },
        ("issuers", "organizations", "registries"),
    )
