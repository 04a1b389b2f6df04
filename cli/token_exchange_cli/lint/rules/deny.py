"""Deny rules that do not stop what they were written for."""

from collections.abc import Iterator, Mapping
from typing import Final

from token_exchange.policy.model import DenyRule
from token_exchange.policy.reading.problems import Path
from token_exchange.providers.vocabulary import Name
from token_exchange_cli.lint.conditions import condition_path, demands, is_about, patterns
from token_exchange_cli.lint.finding import Finding, Subject, warning

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
        presets = [subject.policy.issuers[name].preset for name in sorted(rule.issuers)]
        for name, id_ in _ID_OF.items():
            named = [one for one in rule.conditions if one.section == "match" and one.path == (name,)]
            by_id = any(is_about(one, id_, preset) for one in rule.conditions for preset in presets)
            if named and not by_id and any(id_ in preset.vocabulary for preset in presets):
                yield warning(
                    "denied-by-name",
                    condition_path(path, named[0]),
                    f"a rename of the {name} escapes this rule",
                    f"deny it by {id_}, in a rule for each issuer",
                )


def never_fires(subject: Subject) -> Iterator[Finding]:
    """A name that an issuer's tokens never have holds for none of them."""
    for path, rule in _rules(subject):
        for issuer in sorted(rule.issuers):
            preset = subject.policy.issuers[issuer].preset
            missing = [
                one
                for one in rule.conditions
                if one.section == "match" and demands(one) and one.path[0] not in preset.vocabulary
            ]
            if missing:
                yield warning(
                    "deny-never-fires",
                    condition_path(path, missing[0]),
                    f"no token of {issuer} has the {missing[0].path[0]}, so the rule stops nothing of {issuer}",
                    "name the issuers that it is for, and write another rule for the rest",
                )


def glob_that_stops(subject: Subject) -> Iterator[Finding]:
    """`*` ends at a slash, so a rule with one may stop less than it seems to."""
    for path, rule in _rules(subject):
        for condition in rule.conditions:
            for pattern, _ in patterns(condition):
                if stops_at_slash(pattern):
                    yield warning(
                        "glob-stops-at-slash",
                        condition_path(path, condition),
                        f"* in {pattern} matches no / and no :, so values with one escape the rule",
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
