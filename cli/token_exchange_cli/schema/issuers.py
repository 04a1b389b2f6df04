"""Issuer entries."""

from token_exchange.core.keys import SCHEMES
from token_exchange.core.policy import MODES
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import NAMES
from token_exchange.loading.budgets import MOST_BUDGETS
from token_exchange.presets.catalog import NAMES as PROVIDERS
from token_exchange.presets.catalog import providers
from token_exchange_cli.schema.forms import Schema, choice, duration, flag, listed, mapping, ref, text, texts, without

_SETTINGS: dict[str, Schema] = {
    "account": text("The account, which makes the issuer."),
    "claims": {
        "description": "Which claim is which name of the vocabulary; a nested claim is a list of its keys.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"enum": [*NAMES]},
        "additionalProperties": {"$ref": "#/$defs/claim_path"},
    },
    "domain": text("The domain of a self-hosted installation, which follows the organization in the issuer's host."),
    "enterprise": text("The slug of a GitHub enterprise with an issuer of its own."),
    "ghe_com": text("The subdomain of GHE.com."),
    "host": text("The host of a server of your own, without https://."),
    "organization": text("The organization, which makes the issuer."),
    "organization_claim": {"$ref": "#/$defs/claim_path", "description": "Which claim is the organization."},
    "platform_url": text("The URL of a self-hosted installation, as its tokens have it.", pattern="^https://"),
    "workspace": text("The workspace, which makes the issuer."),
}

_KEYS = ("jwks", "jwks_file", "jwks_url")


def issuer_definitions() -> dict[str, Schema]:
    """Return the definitions that an issuer entry is made of."""
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
                "An organization that may come. Where both are given, both must hold of the same token.",
                {
                    "name": text("Its name, as the CI system spells it; no pattern.", pattern="^[^*]+$"),
                    "id": text("Its immutable id, in quotes.", pattern="^[^*]+$"),
                },
            ),
            "minProperties": 1,
        },
        "organizations": listed("Who may come at all. Nobody else gets anything.", ref("organization")),
        "issuer": _issuer(),
    }


def _issuer() -> Schema:
    common: dict[str, Schema] = {
        "provider": choice("The CI system, or generic for any other issuer of OIDC tokens.", PROVIDERS),
        "issuer": text("The exact iss of its tokens; by default the provider's.", pattern="^https://"),
        "audience": {
            "description": "What jobs ask their tokens for; the service's own URL is a good choice.",
            "anyOf": [{"type": "string", "minLength": 1}, texts("Several.")],
        },
        "shared_audience": flag("Accept an audience that other services accept too."),
        "organizations": ref("organizations"),
        "mode": choice("report verifies, decides and logs, and never grants.", MODES),
        "algorithms": listed("Narrows the provider's algorithms.", {"enum": [*SCHEMES]}, uniqueItems=True),
        "jwks_url": text("A fixed address of the key set, instead of discovery.", pattern="^https://"),
        "jwks_file": text("A file of pinned keys, relative to the policy."),
        "jwks": {"description": "Pinned keys.", "type": "object", "minProperties": 1},
        "ca_bundle": text("Certificates to trust for this issuer alone: a path, or PEM."),
        "max_lifetime": duration("The longest lifetime of a token."),
        "leeway": duration("How far two clocks may be apart, at most 120s."),
        "budgets": _budgets(),
    }
    dependent: dict[str, Json] = {key: _providers_with(key) for key in sorted(_SETTINGS)}
    dependent |= {key: without(*(other for other in _KEYS if other != key)) for key in _KEYS}
    return mapping(
        "Whose tokens are trusted, and for whom.",
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
        "So many exchanges, every so often, for each value of one name.",
        {
            "per": choice("The name whose values each have a budget of their own.", NAMES),
            "exchanges": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
            "every": duration("How long a window is, 1s to 24h."),
        },
        ("per", "exchanges", "every"),
    )
    return listed("Budgets, counted in this order.", budget, maxItems=MOST_BUDGETS)
