"""Reads deny rules and grants: who gets which login."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final, assert_never

from token_exchange.core.conditions import Condition, NamedCondition, RawCondition
from token_exchange.core.identity import Preset
from token_exchange.core.policy import MODES, DenyRule, Grant, Issuer, Registry, SecretRegistry
from token_exchange.loading.conditions import read_conditions
from token_exchange.loading.fields import Fields, Unquoted, described, did_you_mean
from token_exchange.loading.issuers import NO_STATE
from token_exchange.loading.session_terms import TermsReader


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
    """Return the presets of those `entries` that have no problems."""
    return [issuer.preset for entry in entries if (issuer := issuers[entry]) is not None]


def read_issuer_names(fields: Fields, issuers: Mapping[str, Issuer | None], *, required: bool) -> list[str] | None:
    """Return the names under `issuers` that are entries of the policy, or None if the field is missing or wrong."""
    names = fields.strings("issuers", required=required)
    if names is None:
        return None
    for name in names:
        if issuers and name not in issuers:
            fields.problem("issuers", "unknown-name", f"no issuer has the name {name}{did_you_mean(name, issuers)}")
    return [name for name in names if name in issuers]


_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""The one form of ISO 8601 that every reader understands in the same way."""

_DAY_SECONDS: Final = 24 * 3600
_MAX_CONTACT_LENGTH: Final = 256


def read_grants(
    document: Fields,
    issuers: Mapping[str, Issuer | None],
    registries: Mapping[str, Registry | None],
    *,
    has_state: bool,
    names: set[str] | None = None,
) -> Iterator[tuple[Fields, Grant]]:
    """Yield the fields and the value of each grant, in the order of the document.

    `has_state` is whether there is a state table. `names` are the names of grants in other files; those of this
    document are added.
    """
    names = set() if names is None else names
    for fields in document.mappings("grants", required=True):
        name = fields.name("name")
        if name is not None and name in names:
            fields.problem("name", "duplicate-name", "another grant has this name")
        names.add(name or "")
        grant = _Reader(fields, issuers, registries, has_state=has_state).grant(name)
        fields.finish()
        if grant is not None:
            yield fields, grant


class _Reader:
    """Reads the fields of one grant."""

    def __init__(
        self,
        fields: Fields,
        issuers: Mapping[str, Issuer | None],
        registries: Mapping[str, Registry | None],
        *,
        has_state: bool,
    ) -> None:
        self._fields = fields
        self._has_state = has_state
        entries = read_issuer_names(fields, issuers, required=True) or []
        self._issuers = tuple(entries)
        self._entries = [issuer for name in entries if (issuer := issuers.get(name)) is not None]
        self._presets = presets_of(entries, issuers)
        self._registries = registries
        self._registry_is_broken = False

    def grant(self, name: str | None) -> Grant | None:
        """Return the grant of this name; what is wrong with it is among the problems."""
        fields = self._fields
        conditions = read_conditions(fields, self._presets, deny=False)
        registry = self._registry()
        terms = TermsReader(fields, self._entries, self._presets).terms(
            registry, registry_is_broken=self._registry_is_broken
        )
        single_use = self._single_use()
        untrusted = fields.boolean("allow_untrusted_triggers", default=False)
        mode = fields.choice("mode", MODES, default="enforce")
        expires = self._expires()
        contact = self._contact()
        if name is None or registry is None or mode is None:
            return None
        if terms is None and not isinstance(registry, SecretRegistry):
            return None
        return Grant(
            name=name,
            issuers=self._issuers,
            conditions=conditions,
            identifying=frozenset(self._identifying(conditions)),
            registry=registry,
            terms=terms,
            single_use=single_use,
            allow_untrusted_triggers=untrusted,
            mode=mode,
            expires=None if expires is None else expires.isoformat(),
            expires_at_seconds=None if expires is None else _first_second_after(expires),
            contact=contact,
        )

    def _identifying(self, conditions: Sequence[Condition]) -> Iterator[int]:
        for index, condition in enumerate(conditions):
            if not all(_is_public(condition, preset) for preset in self._presets):
                yield index

    def _registry(self) -> Registry | None:
        name = self._fields.string("registry", required=True)
        if name is not None and self._registries and name not in self._registries:
            self._fields.problem(
                "registry", "unknown-name", f"no registry has the name {name}{did_you_mean(name, self._registries)}"
            )
        registry = self._registries.get(name or "")
        self._registry_is_broken = registry is None and name in self._registries
        return registry

    def _single_use(self) -> bool:
        single_use = self._fields.boolean("single_use", default=False)
        if single_use and not self._has_state:
            self._fields.problem("single_use", "conflict", NO_STATE)
        return single_use

    def _expires(self) -> date | None:
        value = self._fields.take("expires")
        text = value.text if isinstance(value, Unquoted) and value.looks_like == "a date" else value
        if text is None:
            return None
        try:
            return date.fromisoformat(text if isinstance(text, str) and _DAY.fullmatch(text) else "")
        except ValueError:
            self._fields.problem(
                "expires", "bad-value", f"expected a date such as 2027-06-30, found {described(value)}"
            )
            return None

    def _contact(self) -> str | None:
        contact = self._fields.string("contact")
        if contact is not None and len(contact) > _MAX_CONTACT_LENGTH:
            self._fields.problem("contact", "too-long", f"expected at most {_MAX_CONTACT_LENGTH} characters")
        return contact


def _is_public(condition: Condition, preset: Preset) -> bool:
    match condition:
        case NamedCondition(name=name):
            return preset.is_public_name(name)
        case RawCondition(path=path):
            return preset.is_public(path)
        case _:
            assert_never(condition)


def _first_second_after(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + _DAY_SECONDS
