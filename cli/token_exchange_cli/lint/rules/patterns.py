"""Patterns that match more, or less, than they seem to."""

from collections.abc import Iterator, Mapping
from typing import Final

from token_exchange.policy.conditions import Exists
from token_exchange_cli.lint.conditions import condition_path, patterns
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.lint.rules.deny import stops_at_slash

_BEGIN_WITH_THE_TENANT: Final = ("repository", "workflow_ref", "job_workflow_ref", "project_path", "sub")

_SENT_EMPTY: Final[Mapping[str, frozenset[str]]] = {
    "bitrise": frozenset({"branch", "branch_dest", "tag"}),
    "forgejo": frozenset({"base_ref", "head_ref"}),
    "gitea": frozenset({"base_ref", "head_ref"}),
    "github-actions": frozenset({"base_ref", "head_ref"}),
}
"""Claims that are there with nothing in them."""


def matches_everything(subject: Subject) -> Iterator[Finding]:
    """A pattern of wildcards alone says no more than that the claim is there."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            for pattern, negated in patterns(condition):
                if not negated and pattern and not pattern.strip("*"):
                    yield warning(
                        "matches-everything",
                        condition_path(path, condition),
                        f"{pattern} matches whatever the claim holds",
                        "name the values that are meant, or take the condition out",
                    )


def crosses_organizations(subject: Subject) -> Iterator[Finding]:
    """A wildcard in front of the first slash matches other tenants' names."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            if condition.path[-1] not in _BEGIN_WITH_THE_TENANT and condition.path != ("organization",):
                continue
            for pattern, negated in patterns(condition):
                if negated or not pattern.strip("*"):
                    continue
                tenant = pattern if condition.path == ("organization",) else pattern.partition("/")[0]
                if "*" in tenant or "?" in tenant:
                    yield warning(
                        "crosses-organizations",
                        condition_path(path, condition),
                        f"{pattern} also matches organizations that somebody else may register",
                        "write out the organization, and put the wildcard behind it",
                    )


def negation_that_stops(subject: Subject) -> Iterator[Finding]:
    """A value with a slash is not matched by `*`, and so a `not_like` with one lets it in."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            for pattern, negated in patterns(condition):
                if negated and stops_at_slash(pattern):
                    yield warning(
                        "glob-stops-at-slash",
                        condition_path(path, condition),
                        f"* in {pattern} matches no / and no :, so values with one are let in",
                        f"write ** where any run is meant: {pattern.replace('*', '**')}",
                    )


def exists_though_empty(subject: Subject) -> Iterator[Finding]:
    """A raw claim that is sent empty exists."""
    for path, grant in subject.grants():
        empty = {claim for preset in subject.presets(grant) for claim in _SENT_EMPTY.get(preset.provider, ())}
        for condition in grant.conditions:
            present = any(isinstance(test, Exists) and test.present for test in condition.tests)
            if condition.section == "claims" and present and condition.path[0] in empty:
                yield warning(
                    "exists-though-empty",
                    condition_path(path, condition),
                    f"{condition.path[0]} is sent with every token, with nothing in it",
                    "use the name of the vocabulary, for which empty text is absent, or say what it has to be",
                )


RULES: Final = (matches_everything, crosses_organizations, negation_that_stops, exists_though_empty)
