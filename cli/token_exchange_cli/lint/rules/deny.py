"""Deny rules that do not stop what they were written to stop."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from token_exchange.core.conditions import Condition, NamedCondition, RawCondition
from token_exchange.core.identity import Preset
from token_exchange.core.policy import DenyRule
from token_exchange.core.vocabulary import Name
from token_exchange.loading.problems import Path
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.meaning.conditions import condition_path, exact, is_about, is_on_name, patterns, types
from token_exchange_cli.meaning.proofs import can_hold_together, is_text, never_holds
from token_exchange_cli.safe_text import in_reading_order

_ID_OF: Final[Mapping[Name, Name]] = {
    "organization": "organization_id",
    "repository": "repository_id",
    "pipeline": "pipeline_id",
    "actor": "actor_id",
}


def _rules(subject: Subject) -> Iterator[tuple[Path, DenyRule]]:
    for place, rule in enumerate(subject.policy.deny):
        yield ("deny", place), rule


def denied_by_name(subject: Subject) -> Iterator[Finding]:
    """Warn of rules by name, which a rename escapes."""
    for path, rule in _rules(subject):
        presets = _presets(subject, rule)
        for name, id_ in _ID_OF.items():
            named = [
                one
                for one in rule.conditions
                for preset in presets
                if is_about(one, name, preset) and preset.vocabulary.get(id_) not in (None, preset.vocabulary.get(name))
            ]
            by_id = any(is_about(one, id_, preset) for one in rule.conditions for preset in presets)
            if named and not by_id:
                yield warning(
                    "denied-by-name",
                    condition_path(path, named[0]),
                    f"the rule no longer stops the {name} once it is renamed",
                    f"deny it by {id_}, in a rule for each issuer",
                )


def _presets(subject: Subject, rule: DenyRule) -> list[Preset]:
    return [subject.policy.issuers[name].preset for name in sorted(rule.issuers)]


def never_fires(subject: Subject) -> Iterator[Finding]:
    """Warn of rules that hold for no token of one of their issuers."""
    for path, rule in _rules(subject):
        silent: dict[Path, list[str]] = {}
        for issuer in sorted(rule.issuers, key=in_reading_order):
            preset = subject.policy.issuers[issuer].preset
            wrong = next((one for one in rule.conditions if not _can_hold(one, preset)), None)
            if wrong is not None:
                silent.setdefault(condition_path(path, wrong), []).append(issuer)
            elif not can_hold_together(rule.conditions, [preset]):
                silent.setdefault(path, []).append(issuer)
        for where, issuers in silent.items():
            yield _never_fires(path, where, issuers)


def _never_fires(path: Path, where: Path, issuers: list[str]) -> Finding:
    of = ", ".join(issuers)
    if where == path:
        return warning(
            "deny-never-fires",
            path,
            f"its conditions exclude each other, so the rule stops no run of {of}",
            "write one rule for each condition: a rule matches only if all of its conditions hold",
        )
    return warning(
        "deny-never-fires",
        where,
        f"no token of {of} can meet this condition, so the rule stops no run there",
        "limit issuers to those whose tokens can meet it, and write another rule for the others",
    )


def _can_hold(condition: Condition, preset: Preset) -> bool:
    if condition.holds(None):
        return True
    match condition:
        case NamedCondition(name=name) if name not in preset.vocabulary:
            return False
        case RawCondition(path=path) if is_text(path, preset) and not types(condition) & {"text", "any"}:
            return False
        case _:
            return not never_holds(condition, [preset])


def glob_that_stops(subject: Subject) -> Iterator[Finding]:
    """Warn of `*`, which ends at a slash: a rule with one may stop less than it seems to, or more."""
    for path, rule in _rules(subject):
        for condition in rule.conditions:
            for pattern, negated in patterns(condition):
                if stops_at_slash(pattern):
                    effect = "the rule stops it too" if negated else "it escapes the rule"
                    yield warning(
                        "glob-stops-at-slash",
                        condition_path(path, condition),
                        f"the * in {pattern} does not match / or :, and if a value has one there, {effect}",
                        f"write ** to match any characters: {any_run(pattern)}",
                    )


def any_run(pattern: str) -> str:
    """Return `pattern` with each of its wildcards crossing slashes."""
    return re.sub(r"\*+", "**", pattern)


def stops_at_slash(pattern: str) -> bool:
    """Say whether `pattern` has a `*` that is not part of `**`."""
    return "*" in pattern.replace("**", "")


def without_sub_groups(subject: Subject) -> Iterator[Finding]:
    """Warn of rules on a GitLab group's path, which do not cover the groups below it."""
    for path, rule in _rules(subject):
        if not any(subject.policy.issuers[name].preset.organization_is_path for name in rule.issuers):
            continue
        for condition in rule.conditions:
            if is_on_name(condition, "organization") and not patterns(condition):
                yield warning(
                    "denied-without-sub-groups",
                    condition_path(path, condition),
                    "the rule covers the group itself, but none of the groups below it",
                    f'write both: {{organization: {{like: ["{_group(condition)}", "{_group(condition)}/**"]}}}}',
                )


def _group(condition: Condition) -> str:
    keys = exact(condition) or frozenset()
    return next((str(value) for _, value in sorted(keys, key=str)), "GROUP")


RULES: Final = (denied_by_name, never_fires, glob_that_stops, without_sub_groups)
