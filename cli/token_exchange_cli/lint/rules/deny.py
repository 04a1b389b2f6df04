"""Deny rules that do not stop what they were written for."""

from collections.abc import Iterator, Mapping
from typing import Final

from token_exchange.policy.conditions import Condition
from token_exchange.policy.model import DenyRule
from token_exchange.policy.reading.problems import Path
from token_exchange.providers.preset import Preset
from token_exchange.providers.vocabulary import Name
from token_exchange_cli.lint.conditions import condition_path, is_about, patterns, types
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.lint.proofs import can_hold_together, never_holds

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
    """A rename escapes a rule by name."""
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
                    f"once the {name} has another name, the rule no longer stops it",
                    f"deny it by {id_}, in a rule for each issuer",
                )


def _presets(subject: Subject, rule: DenyRule) -> list[Preset]:
    return [subject.policy.issuers[name].preset for name in sorted(rule.issuers)]


def never_fires(subject: Subject) -> Iterator[Finding]:
    """A rule that holds for no token of one of its issuers stops nothing there."""
    for path, rule in _rules(subject):
        for issuer in sorted(rule.issuers):
            preset = subject.policy.issuers[issuer].preset
            wrong = next((one for one in rule.conditions if not _can_hold(one, preset)), None)
            if wrong is not None:
                yield warning(
                    "deny-never-fires",
                    condition_path(path, wrong),
                    f"no token of {issuer} can meet this, so the rule stops nothing of {issuer}",
                    "name the issuers that it is for under issuers, and write another rule for the rest",
                )
            elif not can_hold_together(rule.conditions, [preset]):
                yield warning(
                    "deny-never-fires",
                    path,
                    f"its conditions exclude each other, so the rule stops nothing of {issuer}",
                    "write a rule for each of them: one rule is all of its conditions together",
                )


def _can_hold(condition: Condition, preset: Preset) -> bool:
    if condition.holds(None):
        return True
    if condition.section == "match" and condition.path[0] not in preset.vocabulary:
        return False
    if condition.section == "claims" and not types(condition) & {preset.claim_type(condition.path), "any"}:
        return preset.claim_type(condition.path) in ("any", "list")
    return not never_holds(condition, [preset])


def glob_that_stops(subject: Subject) -> Iterator[Finding]:
    """`*` ends at a slash, so a rule with one may stop less than it seems to."""
    for path, rule in _rules(subject):
        for condition in rule.conditions:
            for pattern, _ in patterns(condition):
                if stops_at_slash(pattern):
                    yield warning(
                        "glob-stops-at-slash",
                        condition_path(path, condition),
                        f"the * in {pattern} matches no / and no :, so what has one there escapes the rule",
                        f"write ** where any run is meant: {pattern.replace('*', '**')}",
                    )


def stops_at_slash(pattern: str) -> bool:
    """Say whether `pattern` has a `*` that is not part of `**`."""
    return "*" in pattern.replace("**", "")


def without_sub_groups(subject: Subject) -> Iterator[Finding]:
    """GitLab's groups have groups below them, which a rule on the group's path does not mean."""
    for path, rule in _rules(subject):
        if not any(subject.policy.issuers[name].preset.organization_is_path for name in rule.issuers):
            continue
        for condition in rule.conditions:
            if condition.section == "match" and condition.path == ("organization",) and not patterns(condition):
                yield warning(
                    "denied-without-sub-groups",
                    condition_path(path, condition),
                    "the rule holds for the group itself and for none of the groups below it",
                    'write another rule for those: {organization: {like: "GROUP/**"}}',
                )


RULES: Final = (denied_by_name, never_fires, glob_that_stops, without_sub_groups)
