"""What an issuer's allowlist says of the organization of every token that it lets in."""

from collections.abc import Sequence
from typing import Final

from token_exchange.core.conditions import Condition, Equals, Like
from token_exchange.core.identity import Preset
from token_exchange.core.policy import Issuer, Organization
from token_exchange.core.sources import BracedUuid, Claim, Constant
from token_exchange.core.vocabulary import Name

_NAMES: Final[tuple[Name, ...]] = ("organization", "organization_id")


def allowed_values(name: Name, issuer: Issuer, *, of_groups: bool) -> frozenset[str] | None:
    """Return the values that `name` can have in a token that `issuer` lets in, where its allowlist says them all.

    With `of_groups` a group that stands for those below it counts by its own name.
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
    """Say whether nothing was found that keeps `conditions` from holding of a token that `issuer` lets in."""
    return any(
        all(_can_be_of(condition, organization, issuer) for condition in conditions)
        for organization in issuer.organizations
    )


def _can_be_of(condition: Condition, organization: Organization, issuer: Issuer) -> bool:
    name = _name_of(condition, issuer.preset)
    if name is None or condition.fold:
        return True
    value = _value(name, organization, issuer, of_groups=True)
    if value is None:
        return True
    if name == "organization" and issuer.preset.organization_is_path:
        return not _is_of_another_group(condition, value)
    return condition.holds(value)


def _is_of_another_group(condition: Condition, group: str) -> bool:
    """Say whether no group that `condition` holds of is `group` or below it."""
    if condition.holds(group):
        return False
    return any(
        (isinstance(test, Equals) and not any(f"{value}/".startswith(f"{group}/") for _, value in test.keys))
        or (isinstance(test, Like) and not any(_meet(glob.pattern, group) for glob in test.globs))
        for test in condition.tests
    )


def _meet(pattern: str, group: str) -> bool:
    beginning = pattern.partition("*")[0].partition("?")[0]
    below = f"{group}/"
    return beginning.startswith(below) or below.startswith(beginning)


def _name_of(condition: Condition, preset: Preset) -> Name | None:
    """Return `organization` or `organization_id` where `condition` is on it, or on the claim that it is, unaltered."""
    for name in _NAMES:
        source = preset.vocabulary.get(name)
        if condition.section == "match" and condition.path == (name,):
            return name
        if (
            condition.section == "claims"
            and isinstance(source, Claim | BracedUuid)
            and source.path == condition.path
            and preset.claims.get(condition.path[0]) == "text"
            and condition.path[1:] == ()
        ):
            return name
    return None
