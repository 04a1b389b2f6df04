"""What conditions mean together: the values and organizations that they allow."""

from collections.abc import Iterable, Sequence
from typing import Final

from token_exchange.core.conditions import (
    Condition,
    Equals,
    Exists,
    Key,
    Like,
    NamedCondition,
    Not,
    NotLike,
    RawCondition,
)
from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.policy import Issuer, Organization
from token_exchange.core.sources import BracedUuid, Claim, Constant, ShortRef
from token_exchange.core.vocabulary import ClaimPath, Name
from token_exchange.loading.problems import Path
from token_exchange.presets.gitlab import TypedRef
from token_exchange_cli.meaning.patterns import begin_alike, literal_beginning

TENANT_NAMES: Final[frozenset[Name]] = frozenset(
    {
        "organization",
        "organization_id",
        "repository",
        "repository_id",
        "pipeline",
        "pipeline_id",
        "actor",
        "actor_id",
    }
)
"""Names that tell one tenant's runs from another's."""


def condition_path(of: Path, condition: Condition) -> Path:
    """Return the path of `condition` in the mapping at `of`."""
    return (*of, *condition.document_path)


def is_on_name(condition: Condition, name: str) -> bool:
    """Say whether `condition` is on `name` of the vocabulary, under `match`."""
    return isinstance(condition, NamedCondition) and condition.name == name


def is_on_claim(condition: Condition, path: ClaimPath) -> bool:
    """Say whether `condition` is on the raw claim at `path`, under `claims`."""
    return isinstance(condition, RawCondition) and condition.path == path


def is_about(condition: Condition, name: Name, preset: Preset) -> bool:
    """Say whether `condition` is on `name` of the vocabulary, or on a raw claim that determines it."""
    if isinstance(condition, NamedCondition):
        return condition.name == name
    match preset.vocabulary.get(name):
        case None:
            return False
        case ShortRef(ref=path) | TypedRef(ref=path):
            # That a ref is a branch does not say which.
            return condition.path == path
        case source:
            return condition.path in source.source_claims


def demands(condition: Condition) -> bool:
    """Say whether `condition` requires one of some values, or a pattern."""
    return any(isinstance(test, Equals | Like) for test in condition.tests)


def has(conditions: Iterable[Condition], names: Iterable[Name], preset: Preset) -> bool:
    """Say whether a condition determines one of `names`."""
    wanted = list(names)
    return any(
        says_which(condition) and is_about(condition, name, preset) for condition in conditions for name in wanted
    )


def says_which(condition: Condition) -> bool:
    """Say whether `condition` singles out values; a pattern of only wildcards does not."""
    return any(
        isinstance(test, Equals) or (isinstance(test, Like) and not any(is_any(glob.pattern) for glob in test.globs))
        for test in condition.tests
    )


def is_any(pattern: str) -> bool:
    """Say whether `pattern` is only wildcards, after a prefix that all branches or all tags have."""
    rest = pattern.removeprefix("refs/").removeprefix("heads/").removeprefix("tags/")
    return "*" in rest and not rest.strip("*?")


def protects(conditions: Iterable[Condition], preset: Preset) -> bool:
    """Say whether a condition holds only for protected refs."""
    return any(
        is_about(condition, "ref_protected", preset) and not any(map(condition.holds, (False, "false", None)))
        for condition in conditions
    )


def patterns(condition: Condition) -> list[tuple[str, bool]]:
    """Return the globs of `condition`, each with whether it is negated."""
    return [
        (glob.pattern, isinstance(test, NotLike))
        for test in condition.tests
        if isinstance(test, Like | NotLike)
        for glob in test.globs
    ]


def exact(condition: Condition) -> frozenset[Key] | None:
    """Return the values one of which the claim, or an element of it, must equal, or None."""
    found = [test.keys for test in condition.tests if isinstance(test, Equals)]
    return frozenset.intersection(*found) if found else None


def wanted_values(condition: Condition) -> list[tuple[str, bool]] | None:
    """Return the strings and globs one of which the claim must be or match, each with whether it is a glob.

    Values that another test of `condition` excludes are still among them. None where any string will do.
    """
    for test in condition.tests:
        match test:
            case Equals(keys):
                return [(value, False) for _, value in keys if isinstance(value, str)]
            case Like(globs):
                return [(glob.pattern, True) for glob in globs]
            case _:
                continue
    return None


def types(condition: Condition) -> set[ClaimType]:
    """Return the JSON types that the claim can have for all tests to hold, `any` if there is no limit."""
    found: set[ClaimType] = set()
    for test in condition.tests:
        match test:
            case Equals(keys) | Not(keys):
                found |= {kind for kind, _ in keys}
            case Like() | NotLike():
                found.add("text")
            case Exists():
                pass
    return found or {"any"}


_NAMES: Final[tuple[Name, ...]] = ("organization", "organization_id")


def allowed_values(name: Name, issuer: Issuer, *, of_groups: bool) -> frozenset[str] | None:
    """Return the values that `name` can have in a token that `issuer` accepts, if its allowlist determines them.

    With `of_groups`, a group that includes the groups below it counts by its own name.
    """
    found = {_value(name, organization, issuer, of_groups=of_groups) for organization in issuer.organizations}
    return None if None in found else frozenset(value for value in found if value is not None)


def _value(name: Name, organization: Organization, issuer: Issuer, *, of_groups: bool) -> str | None:
    vocabulary = issuer.preset.vocabulary
    source = vocabulary.get(name)
    if name not in _NAMES or source is None:
        return None
    if isinstance(source, Constant):
        return source.value
    if vocabulary.get("organization") == vocabulary.get("organization_id"):
        return organization.name if organization.id is None else organization.id
    if name == "organization_id":
        return organization.id
    return organization.name if of_groups or not issuer.preset.organization_is_path else None


def can_be_of(conditions: Sequence[Condition], issuer: Issuer) -> bool:
    """Say whether `conditions` may hold for a token that `issuer` accepts: nothing was found that excludes it."""
    return any(
        all(_can_be_of(condition, organization, issuer) for condition in conditions)
        for organization in issuer.organizations
    )


def _can_be_of(condition: Condition, organization: Organization, issuer: Issuer) -> bool:
    name = _name_of(condition, issuer.preset)
    if name is None or condition.ignore_case:
        return True
    value = _value(name, organization, issuer, of_groups=True)
    if value is None:
        return True
    if name == "organization" and issuer.preset.organization_is_path:
        return not _is_of_another_group(condition, value)
    return condition.holds(value)


def _is_of_another_group(condition: Condition, group: str) -> bool:
    """Say whether `condition` holds for neither `group` nor any group below it."""
    if condition.holds(group):
        return False
    return any(
        (isinstance(test, Equals) and not any(f"{value}/".startswith(f"{group}/") for _, value in test.keys))
        or (
            isinstance(test, Like)
            and not any(begin_alike(literal_beginning(glob.pattern), f"{group}/") for glob in test.globs)
        )
        for test in condition.tests
    )


def _name_of(condition: Condition, preset: Preset) -> Name | None:
    """Return `organization` or `organization_id` if `condition` is on it, or on the claim that equals it."""
    for name in _NAMES:
        source = preset.vocabulary.get(name)
        if is_on_name(condition, name):
            return name
        if (
            isinstance(source, Claim | BracedUuid)
            and len(source.path) == 1
            and is_on_claim(condition, source.path)
            and preset.claims.get(source.path[0]) == "text"
        ):
            return name
    return None
