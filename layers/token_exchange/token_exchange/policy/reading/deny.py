"""Reads the deny rules: looked at first, the kill switch."""

from collections.abc import Mapping, Sequence

from token_exchange.policy.model import DenyRule, Issuer
from token_exchange.policy.reading.conditions import read_conditions
from token_exchange.policy.reading.fields import Fields
from token_exchange.providers.preset import Preset


def read_deny(document: Fields, issuers: Mapping[str, Issuer | None]) -> tuple[DenyRule, ...]:
    """Return the deny rules, in the order of the document."""
    rules: list[DenyRule] = []
    names: set[str] = set()
    for fields in document.mappings("deny"):
        name = fields.name("name")
        entries = read_issuer_names(fields, issuers, required=False)
        of_rule = list(issuers) if entries is None else entries
        conditions = read_conditions(fields, presets_of(of_rule, issuers), deny=True)
        if "match" not in fields and "claims" not in fields:
            fields.problem("match", "missing", "expected at least one condition under match or claims")
        fields.finish()
        if name is None:
            continue
        if name in names:
            fields.problem("name", "duplicate-name", "another deny rule has this name")
        names.add(name)
        rules.append(DenyRule(name=name, issuers=frozenset(of_rule), conditions=conditions))
    return tuple(rules)


def presets_of(entries: Sequence[str], issuers: Mapping[str, Issuer | None]) -> list[Preset]:
    """Return the presets of those `entries` that can be used."""
    return [issuer.preset for entry in entries if (issuer := issuers[entry]) is not None]


def read_issuer_names(fields: Fields, issuers: Mapping[str, Issuer | None], *, required: bool) -> list[str] | None:
    """Return the names under `issuers` that are entries of the policy, or None where there are none."""
    names = fields.texts("issuers", required=required)
    if names is None:
        return None
    for name in names:
        if issuers and name not in issuers:
            fields.problem("issuers", "unknown-name", f"no issuer has the name {name}")
    return [name for name in names if name in issuers]
