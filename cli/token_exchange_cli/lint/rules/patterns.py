"""Patterns that match more, or less, than they seem to."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from token_exchange.core.conditions import Condition, Exists
from token_exchange.core.identity import Preset
from token_exchange.core.sources import Claim, Constant
from token_exchange.core.vocabulary import Name
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.lint.rules.deny import any_run, stops_at_slash
from token_exchange_cli.meaning.conditions import condition_path, is_about, patterns
from token_exchange_cli.subjects.proofs import only_customised, says_nothing

_BEGIN_WITH_THE_TENANT: Final = ("workflow_ref", "job_project_path", "job_namespace_path")
"""Raw claims that no name of the vocabulary stands for."""


def matches_everything(subject: Subject) -> Iterator[Finding]:
    """A pattern of wildcards alone says no more than that the claim is there."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            for pattern, negated in patterns(condition):
                if not negated and _of_every_subject(condition, pattern, subject.presets(grant)):
                    yield warning(
                        "matches-everything",
                        condition_path(path, condition),
                        f"{pattern} matches the sub of every run, so the condition keeps no run out",
                        "name the runs that are meant, or take the condition out",
                    )
                elif not negated and "*" in pattern and not pattern.strip("*?"):
                    what = "whatever the claim holds" if "**" in pattern else "every value without / and :"
                    yield warning(
                        "matches-everything",
                        condition_path(path, condition),
                        f"{pattern} matches {what}, so the condition says no more than that there is a value",
                        "name the values that are meant, or take the condition out",
                    )


def _of_every_subject(condition: Condition, pattern: str, presets: Sequence[Preset]) -> bool:
    """Say whether `pattern` is on `sub`, and has no more than what every `sub` of the providers has."""
    return bool(pattern.strip("*?")) and all(
        _is_on_sub(condition, preset) and says_nothing(preset.provider, pattern) for preset in presets
    )


def _is_on_sub(condition: Condition, preset: Preset) -> bool:
    if condition.section == "claims":
        return condition.path == ("sub",)
    return any((name,) == condition.path and source == Claim(("sub",)) for name, source in preset.vocabulary.items())


def crosses_organizations(subject: Subject) -> Iterator[Finding]:
    """A wildcard in the tenant's part of a value matches other tenants' names."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            parts = {part for preset in subject.presets(grant) if (part := _tenant_part(condition, preset)) is not None}
            for pattern, negated in patterns(condition):
                if negated or not pattern.strip("*?"):
                    continue
                if any("*" in part(pattern) or "?" in part(pattern) for part in parts):
                    yield warning(
                        "crosses-organizations",
                        condition_path(path, condition),
                        f"{pattern} also matches names of organizations that somebody else may register",
                        "write out the organization, and put the wildcard behind it",
                    )


type _Part = Callable[[str], str]


def _tenant_part(condition: Condition, preset: Preset) -> _Part | None:
    """Return what gives the beginning of a pattern up to where the tenant ends, None where it has no tenant."""
    if isinstance(preset.vocabulary.get("organization"), Constant):
        return None  # The issuer is one tenant's alone: whatever a pattern leaves open, it is that tenant's.
    if is_about(condition, "organization", preset):
        return _first if preset.organization_is_path else _whole
    if _is_on_sub(condition, preset):
        return _of_namespace if preset.provider == "kubernetes" else _of_sub
    names: tuple[Name, ...] = ("repository", "workflow_ref")
    for name in names:
        source = preset.vocabulary.get(name)
        is_whole = condition.section == "match" or isinstance(source, Claim)
        if source is not None and is_whole and is_about(condition, name, preset):
            return _second if isinstance(source, Claim) and source.path in preset.behind_host else _first
    if condition.section == "claims" and condition.path in preset.behind_host:
        return _second
    return _first if condition.section == "claims" and condition.path[-1] in _BEGIN_WITH_THE_TENANT else None


def _whole(pattern: str) -> str:
    return pattern


def _first(pattern: str) -> str:
    return pattern.partition("/")[0]


def _second(pattern: str) -> str:
    return "/".join(pattern.split("/")[:2])


def _of_sub(pattern: str) -> str:
    return _first(":".join(pattern.split(":")[:2]))


def _of_namespace(pattern: str) -> str:
    return ":".join(pattern.split(":")[:3])


def negation_that_stops(subject: Subject) -> Iterator[Finding]:
    """A value with a slash is not matched by `*`, and so a `not_like` with one lets it in."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            for pattern, negated in patterns(condition):
                if negated and stops_at_slash(pattern):
                    yield warning(
                        "glob-stops-at-slash",
                        condition_path(path, condition),
                        f"the * in {pattern} matches no / and no :, so a value that has one there is let in",
                        f"write ** where any run is meant: {any_run(pattern)}",
                    )


def exists_though_empty(subject: Subject) -> Iterator[Finding]:
    """A raw claim that is sent empty exists."""
    for path, grant in subject.grants():
        empty = {claim for preset in subject.presets(grant) for claim in preset.sent_empty}
        for condition in grant.conditions:
            present = any(isinstance(test, Exists) and test.present for test in condition.tests)
            if condition.section == "claims" and present and condition.path in empty:
                yield warning(
                    "exists-though-empty",
                    condition_path(path, condition),
                    f"tokens have {condition.path[0]} with nothing in it, so this holds of them all",
                    "use the name of the vocabulary, for which empty text is absent, or say what it has to be",
                )


def customised_sub(subject: Subject) -> Iterator[Finding]:
    """A `sub` that ends with the repository looks like one for all of its runs, and is for none."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            if (condition.section, condition.path) != ("claims", ("sub",)):
                continue
            found = [text for preset in subject.presets(grant) for text in only_customised(condition, preset)]
            for text in found[:1]:
                yield warning(
                    "customised-sub",
                    condition_path(path, condition),
                    f"{text} ends where other subjects go on with branch, tag or environment: only a customised sub is "
                    "like this, and no other run gets the grant",
                    f'write which runs are meant, or {{like: "{text}:**"}} for all',
                )


RULES: Final = (matches_everything, crosses_organizations, negation_that_stops, exists_though_empty, customised_sub)
