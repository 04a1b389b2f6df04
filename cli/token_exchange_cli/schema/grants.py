"""Grants and deny rules."""

from token_exchange.core.policy import ACCESSES, ASSUMES, MODES
from token_exchange.core.ports import Json
from token_exchange_cli.schema.forms import (
    NAME,
    REPOSITORY,
    ROLE,
    Schema,
    choice,
    duration,
    flag,
    listed,
    mapping,
    ref,
    text,
    texts,
    without,
)

_SIGNING_PROFILE = "^arn:aws[a-z-]*:signer:[a-z0-9-]+:[0-9]{12}:/signing-profiles/[A-Za-z0-9_]{2,64}$"


def grant_definitions() -> dict[str, Schema]:
    """Return the definitions of grants and deny rules."""
    return {
        "deny_rule": mapping(
            "Refuses every run of its issuers for which all conditions hold.",
            {
                "name": text("Its name, which audit lines have.", pattern=NAME),
                "issuers": texts("Names of issuer entries; by default all."),
                "match": ref("match"),
                "claims": ref("claims"),
            },
            ("name",),
            anyOf=[{"required": ["match"]}, {"required": ["claims"]}],
        ),
        "grant": _grant(),
        "grants": listed("Who may have which login, in the order in which they are looked at.", ref("grant")),
    }


def _grant() -> Schema:
    of_all: dict[str, Schema] = {
        "name": text("Its name, unique, which answers and audit lines have.", pattern=NAME),
        "issuers": texts("Names of issuer entries."),
        "match": ref("match"),
        "claims": ref("claims"),
        "registry": text("The name of a registry."),
        "single_use": flag("Each token is exchanged once; needs the state table."),
        "allow_untrusted_triggers": flag("Runs that outsiders can start may use it."),
        "mode": choice("A grant in report mode never wins; the next is tried.", MODES),
        "expires": text("The last day, in UTC, on which it counts.", pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
        "contact": text("One line that is shown to a caller whose own grant this is.", maxLength=256),
    }
    session = _of_a_session()
    any_of_it: list[Json] = [{"required": [key]} for key in session]
    return mapping(
        "Who may have a login, and what it can do.",
        {**of_all, **session},
        ("name", "issuers", "registry"),
        allOf=[
            # A stored login has none of these keys, every other has role and access.
            {"if": {"anyOf": any_of_it}, "then": {"required": ["role", "access"]}},
            {
                "if": {"properties": {"assume": {"const": "web-identity"}}, "required": ["assume"]},
                "then": without("external_id", "session_tags", "source_identity"),
            },
        ],
    )


def _of_a_session() -> dict[str, Schema]:
    also: Schema = {
        "anyOf": [
            {"enum": ["list", "import"]},
            mapping("Signs with this profile.", {"sign": text("Its ARN.", pattern=_SIGNING_PROFILE)}, ("sign",)),
        ]
    }
    return {
        "role": text("The IAM role to assume.", pattern=ROLE),
        "assume": choice("broker: as the service; web-identity: with the caller's own token.", ASSUMES),
        "external_id": text("Sent to STS with the role.", minLength=2, maxLength=1224),
        "access": choice("push includes pull.", ACCESSES),
        "repositories": texts("Repositories, with * and {name} of the vocabulary.", pattern=REPOSITORY),
        "also_pull": texts("Further repositories of the registry, for pull alone.", pattern=REPOSITORY),
        "also": listed("Further rights on repositories.", also, uniqueItems=True),
        "duration": duration("How long the login is to work, 1m to 12h."),
        "session_tags": {
            "description": "true for the standard set, false, or a mapping of tag to template.",
            "anyOf": [
                {"type": "boolean"},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 50,
                    "additionalProperties": {"type": "string", "minLength": 1},
                },
            ],
        },
        "source_identity": {
            "description": "true, false, or a template.",
            "anyOf": [{"type": "boolean"}, {"type": "string", "minLength": 1}],
        },
    }
