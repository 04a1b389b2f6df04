"""The JSON Schema of a policy: issuers, grants and the document."""

from token_exchange.core.jwk import SCHEMES
from token_exchange.core.policy import ACCESSES, ASSUMES, MODES
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import NAMES
from token_exchange.loading.issuers import MAX_BUDGETS
from token_exchange.presets.catalog import NAMES as PROVIDERS
from token_exchange.presets.catalog import providers
from token_exchange_cli.schema.forms import (
    NAME,
    REPOSITORY,
    ROLE,
    Schema,
    choice,
    condition_definitions,
    duration,
    flag,
    listed,
    mapping,
    named,
    ref,
    registry_definitions,
    text,
    texts,
    without,
)

_SETTINGS: dict[str, Schema] = {
    "account": text("The account, which determines the issuer."),
    "claims": {
        "description": "The claim for each name of the vocabulary; a nested claim is a list of its keys.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"enum": [*NAMES]},
        "additionalProperties": {"$ref": "#/$defs/claim_path"},
    },
    "domain": text("The domain of a self-hosted installation, which follows the organization in the issuer's host."),
    "enterprise": text("The slug of a GitHub enterprise that has its own issuer."),
    "ghe_com": text("The subdomain of GHE.com."),
    "host": text("The host of your own server, without https://."),
    "organization": text("The organization, which determines the issuer."),
    "organization_claim": {"$ref": "#/$defs/claim_path", "description": "The claim that identifies the organization."},
    "platform_url": text("The URL of a self-hosted installation, as in its tokens.", pattern="^https://"),
    "workspace": text("The workspace, which determines the issuer."),
}

_KEYS = ("jwks", "jwks_file", "jwks_url")


def issuer_definitions() -> dict[str, Schema]:
    """Return the definitions for issuer entries."""
    return {
        "claim_path": {
            "description": "The name of a claim, or a list of names for a nested one.",
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
            ],
        },
        "organization": {
            **mapping(
                "An organization whose runs may use the service. If both are given, the same token must have both.",
                {
                    "name": text("Its name, as the CI system spells it; no pattern.", pattern="^[^*]+$"),
                    "id": text("Its immutable id, in quotes.", pattern="^[^*]+$"),
                },
            ),
            "minProperties": 1,
        },
        "organizations": listed("The allowlist. Runs of other organizations get nothing.", ref("organization")),
        "issuer": _issuer(),
    }


def _issuer() -> Schema:
    common: dict[str, Schema] = {
        "provider": choice("The CI system, or generic for any other issuer of OIDC tokens.", PROVIDERS),
        "issuer": text("The exact iss of its tokens; by default the provider's.", pattern="^https://"),
        "audience": {
            "description": "The audience that jobs request for their tokens; the service's own URL is a good choice.",
            "anyOf": [{"type": "string", "minLength": 1}, texts("Several.")],
        },
        "shared_audience": flag("Accept an audience that other services accept too."),
        "organizations": ref("organizations"),
        "mode": choice("report verifies, decides and logs, and never grants.", MODES),
        "algorithms": listed("Narrows the provider's algorithms.", {"enum": [*SCHEMES]}, uniqueItems=True),
        "jwks_url": text("A fixed address of the key set, instead of discovery.", pattern="^https://"),
        "jwks_file": text("A file of pinned keys, relative to the policy."),
        "jwks": {"description": "Pinned keys.", "type": "object", "minProperties": 1},
        "ca_bundle": text("Certificates to trust only for this issuer: a path, or PEM."),
        "max_lifetime": duration("The longest lifetime of a token."),
        "leeway": duration("The permitted clock difference, at most 120s."),
        "budgets": _budgets(),
    }
    dependent: dict[str, Json] = {key: _providers_with(key) for key in sorted(_SETTINGS)}
    dependent |= {key: without(*(other for other in _KEYS if other != key)) for key in _KEYS}
    return mapping(
        "An issuer of tokens, and the organizations whose runs it identifies.",
        {**common, **_SETTINGS},
        ("provider", "audience", "organizations"),
        dependentSchemas=dependent,
        allOf=[
            _requires(("generic",), ("issuer", "algorithms")),
            _requires(("aws-sts", "kubernetes"), ("issuer",)),
        ],
    )


def _providers_with(setting: str) -> Schema:
    """Return the schema of entries of providers that have this key."""
    having: list[Json] = [name for name, provider in providers().items() if setting in provider.settings]
    return {"properties": {"provider": {"enum": having}}}


def _requires(of: tuple[str, ...], keys: tuple[str, ...]) -> Schema:
    is_one: Schema = {"properties": {"provider": {"enum": [*of]}}, "required": ["provider"]}
    return {"if": is_one, "then": {"required": [*keys]}}


def _budgets() -> Schema:
    budget = mapping(
        "A limit on exchanges in a period, for each value of one name.",
        {
            "per": choice("The name whose values each have their own budget.", NAMES),
            "exchanges": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
            "every": duration("The length of the period, 1s to 24h."),
        },
        ("per", "exchanges", "every"),
    )
    return listed("Budgets, counted in this order.", budget, maxItems=MAX_BUDGETS)


_SIGNING_PROFILE = "^arn:aws[a-z-]*:signer:[a-z0-9-]+:[0-9]{12}:/signing-profiles/[A-Za-z0-9_]{2,64}$"


def grant_definitions() -> dict[str, Schema]:
    """Return the definitions of grants and deny rules."""
    return {
        "deny_rule": mapping(
            "Refuses every run of its issuers for which all conditions hold.",
            {
                "name": text("Its name, for audit lines.", pattern=NAME),
                "issuers": texts("Names of issuer entries; by default all."),
                "match": ref("match"),
                "claims": ref("claims"),
            },
            ("name",),
            anyOf=[{"required": ["match"]}, {"required": ["claims"]}],
        ),
        "grant": _grant(),
        "grants": listed("Who gets which login, in order of evaluation.", ref("grant")),
    }


def _grant() -> Schema:
    of_all: dict[str, Schema] = {
        "name": text("Its unique name, for responses and audit lines.", pattern=NAME),
        "issuers": texts("Names of issuer entries."),
        "match": ref("match"),
        "claims": ref("claims"),
        "registry": text("The name of a registry."),
        "single_use": flag("Each token is exchanged once; needs the state table."),
        "allow_untrusted_triggers": flag("Allows runs that outsiders can start."),
        "mode": choice("A grant in report mode never wins; the next is tried.", MODES),
        "expires": text("The last day, in UTC, on which it is in force.", pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
        "contact": text("One line, shown to callers whose own grant this is.", maxLength=256),
    }
    session = _of_a_session()
    any_of_it: list[Json] = [{"required": [key]} for key in session]
    return mapping(
        "Who may have a login, and what it can do.",
        {**of_all, **session},
        ("name", "issuers", "registry"),
        allOf=[
            # A stored login has none of these keys; every other grant has role and access.
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
        "also_pull": texts("Further repositories of the registry, only to pull.", pattern=REPOSITORY),
        "also": listed("Further rights on repositories.", also, uniqueItems=True),
        "duration": duration("How long the login is valid, 1m to 12h."),
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
        "description": "The issuers that the service trusts, and the registry logins that their runs get.",
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
            "version": {"description": "The version of the format.", "const": 1},
            "issuers": named("Issuer entries, by names of your choice.", ref("issuer")),
            "registries": named("Registries, by names of your choice.", ref("registry")),
            "deny": listed("Deny rules, evaluated before the grants.", ref("deny_rule")),
            "grants": ref("grants"),
            "files": {
                "description": "In a folder: the limits for the grants of each file.",
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
            "repository_prefixes": texts("Repositories with these prefixes."),
            "signing_profiles": texts("These signing profiles, by their ARNs.", pattern="^arn:"),
            "assume": listed(
                "How its grants may assume their roles; only broker if this is missing.",
                {"enum": [*ASSUMES]},
                uniqueItems=True,
            ),
        },
        ("issuers", "organizations", "registries"),
    )
