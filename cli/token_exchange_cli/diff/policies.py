"""Compare two policies by meaning: text, comments and layout do not count."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Final

from token_exchange.core.policy import DenyRule, EcrRegistry, Grant, Policy, Registry
from token_exchange_cli.diff import grants, issuers
from token_exchange_cli.diff.change import (
    Change,
    FieldChange,
    Kind,
    change_of,
    condition_marks,
    condition_text,
    members,
    moved_grants,
    was_and_is,
)
from token_exchange_cli.safe_text import in_reading_order

_MAX_MOVED: Final = 3


def changes(before: Policy, after: Policy) -> Iterator[Change]:
    """Yield everything in which `after` differs from `before`.

    A deny rule that only one of them has is classified by its effect: `narrower` or `wider`.
    """
    of_issuer = _names((name, grant.name) for grant in after.grants for name in grant.issuers)
    of_registry = _names((grant.registry.name, grant.name) for grant in after.grants)
    rules = _issuers_of_rules(before, after)
    for change in _of_issuers(before, after):
        yield replace(change, grants=of_issuer.get(change.name, ()))
    for change in _of_registries(before, after):
        yield replace(change, grants=of_registry.get(change.name, ()))
    for change in _of_deny_rules(before, after):
        issuers = sorted(rules[change.name], key=in_reading_order)
        stopped = (grant for issuer in issuers for grant in of_issuer.get(issuer, ()))
        yield replace(change, grants=tuple(dict.fromkeys(stopped)))
    yield from _of_grants(before, after)
    yield from _of_order(before, after)


def _issuers_of_rules(before: Policy, after: Policy) -> Mapping[str, frozenset[str]]:
    """Return the issuers that each rule applies to, in either policy."""
    found: dict[str, frozenset[str]] = {}
    for rule in (*before.deny, *after.deny):
        found[rule.name] = found.get(rule.name, frozenset()) | rule.issuers
    return found


def _names(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """Return the names of grants by the entry that they depend on."""
    found: dict[str, list[str]] = {}
    for entry, grant in pairs:
        found.setdefault(entry, []).append(grant)
    return {entry: tuple(names) for entry, names in found.items()}


def _of_issuers(before: Policy, after: Policy) -> Iterator[Change]:
    yield from _one_sided("issuer", before.issuers, after.issuers, issuers.summary)
    for name, old in before.issuers.items():
        if name in after.issuers and (marks := issuers.issuer_marks(old, after.issuers[name])):
            yield change_of("issuer", name, marks)


def _of_registries(before: Policy, after: Policy) -> Iterator[Change]:
    yield from _one_sided("registry", before.registries, after.registries, _registry_summary)
    for name, old in before.registries.items():
        if name in after.registries and (marks := _registry_marks(old, after.registries[name])):
            yield change_of("registry", name, marks)


def _one_sided[Entry](
    kind: Kind, before: Mapping[str, Entry], after: Mapping[str, Entry], summary: Callable[[Entry], tuple[str, ...]]
) -> Iterator[Change]:
    for name, one in after.items():
        if name not in before:
            yield Change(section="added", kind=kind, name=name, what=summary(one))
    for name, one in before.items():
        if name not in after:
            yield Change(section="removed", kind=kind, name=name, what=summary(one))


def _registry_summary(registry: Registry) -> tuple[str, ...]:
    return (f"{type(registry).__name__.removesuffix('Registry')} at {', '.join(registry.hosts)}",)


def _registry_marks(old: Registry, new: Registry) -> list[FieldChange]:
    if type(old) is not type(new):
        return [FieldChange(direction="changed", text="the type of registry changed")]
    was, now = asdict(old), asdict(new)
    keys = [key for key in was if was[key] != now[key]]
    marks = [was_and_is(key, was[key], now[key]) for key in keys if key not in ("hosts", "partition")]
    if marks or not isinstance(old, EcrRegistry) or not isinstance(new, EcrRegistry):
        return marks
    return members("hosts", old.hosts, new.hosts)


def _of_deny_rules(before: Policy, after: Policy) -> Iterator[Change]:
    old_rules, new_rules = ({rule.name: rule for rule in policy.deny} for policy in (before, after))
    for name, rule in new_rules.items():
        if name not in old_rules:
            yield Change(section="narrower", kind="deny", name=name, what=("new rule", *_rule_summary(rule)))
    for name, rule in old_rules.items():
        if name not in new_rules:
            yield Change(section="wider", kind="deny", name=name, what=("rule removed", *_rule_summary(rule)))
        elif marks := _rule_marks(rule, new_rules[name], before, after):
            yield change_of("deny", name, marks)


def _rule_summary(rule: DenyRule) -> tuple[str, ...]:
    asked = " and ".join(condition_text(condition) for condition in rule.conditions)
    return (f"refuses runs of {', '.join(sorted(rule.issuers, key=in_reading_order))} where {asked}",)


def _rule_marks(old: DenyRule, new: DenyRule, before: Policy, after: Policy) -> list[FieldChange]:
    """Return the changes of a rule: the more it refuses, the narrower the policy. New issuers are not compared."""
    both = before.issuers.keys() & after.issuers.keys()
    marks = [
        FieldChange(direction="narrower", text=f"now applies to {name}")
        for name in sorted((new.issuers - old.issuers) & both, key=in_reading_order)
    ]
    marks += [
        FieldChange(direction="wider", text=f"no longer applies to {name}")
        for name in sorted((old.issuers - new.issuers) & both, key=in_reading_order)
    ]
    found = condition_marks(
        old.conditions,
        new.conditions,
        before=[before.issuers[name] for name in sorted(old.issuers)],
        after=[after.issuers[name] for name in sorted(new.issuers)],
    )
    return marks + [_turned(mark) for mark in found]


def _turned(mark: FieldChange) -> FieldChange:
    match mark.direction:
        case "wider":
            return replace(mark, direction="narrower")
        case "narrower":
            return replace(mark, direction="wider")
        case "changed":
            return mark


def _of_grants(before: Policy, after: Policy) -> Iterator[Change]:
    old_grants, new_grants = ({grant.name: grant for grant in policy.grants} for policy in (before, after))
    gone = [grant for name, grant in old_grants.items() if name not in new_grants]
    come = [grant for name, grant in new_grants.items() if name not in old_grants]
    renamed = _renamed(gone, come)
    for grant in come:
        old_name = renamed.get(grant.name)
        if old_name is None:
            yield Change(section="added", kind="grant", name=grant.name, what=grants.summary(grant))
        else:
            # A request for the old name no longer gets it.
            yield Change(section="changed", kind="grant", name=grant.name, what=(f"was named {old_name}",))
    for grant in gone:
        if grant.name not in renamed.values():
            yield Change(section="removed", kind="grant", name=grant.name, what=grants.summary(grant))
    for name, old in old_grants.items():
        if name in new_grants and (marks := grants.grant_marks(old, new_grants[name], before, after)):
            yield change_of("grant", name, marks)


def _renamed(gone: Iterable[Grant], come: Iterable[Grant]) -> dict[str, str]:
    """Return the old name of each grant that differs from an earlier one only by name."""
    by_look: dict[str, list[Grant]] = {}
    for grant in gone:
        by_look.setdefault(_look(grant), []).append(grant)
    renamed: dict[str, str] = {}
    for grant in come:
        same = by_look.get(_look(grant), [])
        old = next((one for one in same if replace(one, name=grant.name) == grant), None)
        if old is not None:
            same.remove(old)
            renamed[grant.name] = old.name
    return renamed


def _look(grant: Grant) -> str:
    terms = grant.terms
    texts = "" if terms is None else f"{terms.role} {[template.text for template in terms.repositories]}"
    return f"{grant.registry.name} {grant.issuers} {texts} {[one.expected for one in grant.conditions]}"


def _of_order(before: Policy, after: Policy) -> Iterator[Change]:
    moved = moved_grants(before.grants, after.grants)
    if moved:
        more = [f"and {len(moved) - _MAX_MOVED} more"] if len(moved) > _MAX_MOVED else []
        what = ("if several grants match, the first wins", *moved[:_MAX_MOVED], *more)
        yield Change(section="changed", kind="order", name="grants", what=what)
