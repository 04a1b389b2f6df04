"""Patterns that match more, or less, than they seem to."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from token_exchange.core.conditions import Condition, Exists, NamedCondition, RawCondition
from token_exchange.core.identity import Preset
from token_exchange.core.sources import Claim, Constant
from token_exchange.core.vocabulary import Name
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.lint.rules.deny import any_run, stops_at_slash
from token_exchange_cli.meaning.conditions import condition_path, is_about, is_on_claim, patterns
from token_exchange_cli.subjects.proofs import only_customised, says_nothing

_BEGIN_WITH_THE_TENANT: Final = ("workflow_ref", "job_project_path", "job_namespace_path")
"""Raw claims without a name in the vocabulary."""


def matches_everything(subject: Subject) -> Iterator[Finding]:
    """Warn of patterns of only wildcards, which say only that the claim exists."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            for pattern, negated in patterns(condition):
                if not negated and _of_every_subject(condition, pattern, subject.presets(grant)):
                    yield warning(
                        "matches-everything",
                        condition_path(path, condition),
                        f"{pattern} matches the sub of every run, so the condition excludes no run",
                        "name the intended runs, or remove the condition",
                    )
                elif not negated and "*" in pattern and not pattern.strip("*?"):
                    what = "every value" if "**" in pattern else "every value without / and :"
                    yield warning(
                        "matches-everything",
                        condition_path(path, condition),
                        f"{pattern} matches {what}, so the condition only checks that there is a value",
                        "name the intended values, or remove the condition",
                    )


def _of_every_subject(condition: Condition, pattern: str, presets: Sequence[Preset]) -> bool:
    """Say whether `pattern` is on `sub`, and has no more than what every `sub` of the providers has."""
    return bool(pattern.strip("*?")) and all(
        _is_on_sub(condition, preset) and says_nothing(preset.provider, pattern) for preset in presets
    )


def _is_on_sub(condition: Condition, preset: Preset) -> bool:
    if isinstance(condition, RawCondition):
        return condition.path == ("sub",)
    return preset.vocabulary.get(condition.name) == Claim(("sub",))


def crosses_organizations(subject: Subject) -> Iterator[Finding]:
    """Warn of wildcards in the tenant's part of a value, which match other tenants' names."""
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
                        f"{pattern} also matches names of organizations that others can register",
                        "write out the organization, and put the wildcard after it",
                    )


type _Part = Callable[[str], str]


def _tenant_part(condition: Condition, preset: Preset) -> _Part | None:
    """Return what gives the beginning of a pattern up to where the tenant ends, None where it has no tenant."""
    if isinstance(preset.vocabulary.get("organization"), Constant):
        return None  # The issuer has one tenant: whatever a pattern leaves open belongs to it.
    if is_about(condition, "organization", preset):
        return _first if preset.organization_is_path else _whole
    if _is_on_sub(condition, preset):
        return _of_namespace if preset.provider == "kubernetes" else _of_sub
    names: tuple[Name, ...] = ("repository", "workflow_ref")
    for name in names:
        source = preset.vocabulary.get(name)
        is_whole = isinstance(condition, NamedCondition) or isinstance(source, Claim)
        if source is not None and is_whole and is_about(condition, name, preset):
            return _second if isinstance(source, Claim) and source.path in preset.host_prefixed_claims else _first
    if isinstance(condition, NamedCondition):
        return None
    if condition.path in preset.host_prefixed_claims:
        return _second
    return _first if condition.path[-1] in _BEGIN_WITH_THE_TENANT else None


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
    """Warn of `not_like` with `*`, which does not match a value with a slash and so admits it."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            for pattern, negated in patterns(condition):
                if negated and stops_at_slash(pattern):
                    yield warning(
                        "glob-stops-at-slash",
                        condition_path(path, condition),
                        f"the * in {pattern} does not match / or :, so a value that has one there is admitted",
                        f"write ** to match any characters: {any_run(pattern)}",
                    )


def exists_though_empty(subject: Subject) -> Iterator[Finding]:
    """Warn of `exists` on a raw claim that is sent empty, and so exists."""
    for path, grant in subject.grants():
        empty = {claim for preset in subject.presets(grant) for claim in preset.empty_claims}
        for condition in grant.conditions:
            present = any(isinstance(test, Exists) and test.present for test in condition.tests)
            if isinstance(condition, RawCondition) and present and condition.path in empty:
                yield warning(
                    "exists-though-empty",
                    condition_path(path, condition),
                    f"tokens have {condition.path[0]} even if it is empty, so this holds for every token",
                    "use the name of the vocabulary, for which an empty string is absent, or name the expected value",
                )


def customised_sub(subject: Subject) -> Iterator[Finding]:
    """Warn of a `sub` that ends with the repository: it seems to cover all of its runs, and covers none."""
    for path, grant in subject.grants():
        for condition in grant.conditions:
            if not is_on_claim(condition, ("sub",)):
                continue
            found = [text for preset in subject.presets(grant) for text in only_customised(condition, preset)]
            for text in found[:1]:
                yield warning(
                    "customised-sub",
                    condition_path(path, condition),
                    f"{text} ends where other subjects continue with branch, tag or environment: only a customised sub "
                    "is like this, and no other run gets the grant",
                    f'name the intended runs, or write {{like: "{text}:**"}} for all of them',
                )


RULES: Final = (matches_everything, crosses_organizations, negation_that_stops, exists_though_empty, customised_sub)
