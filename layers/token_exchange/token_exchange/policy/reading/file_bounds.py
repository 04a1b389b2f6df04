"""What the grants of one file may name, and whether a grant stays within it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from token_exchange.policy.model import Grant, Issuer, Organization
from token_exchange.policy.reading.fields import Fields
from token_exchange.policy.templates import Template
from token_exchange.providers.vocabulary import without_braces
from token_exchange.quoting import quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBounds:
    """What the grants of one file may name; what is not listed they may not.

    The last character of a role may be `*`. A prefix that ends in `/` holds for what begins with it, another for
    itself and what lies below it; `{name}` in it is the same text as in a grant's repository.
    """

    issuers: frozenset[str]
    organizations: tuple[Organization, ...]
    registries: frozenset[str]
    roles: tuple[str, ...]
    prefixes: tuple[str, ...]


def check_bounds(grant: Grant, fields: Fields, bounds: FileBounds, issuers: Mapping[str, Issuer | None]) -> None:
    """Report everything in `grant`, which stands at `fields`, that is beyond `bounds`."""
    for name in grant.issuers:
        if name not in bounds.issuers:
            fields.problem("issuers", "conflict", f"this file may not name {name}")
    if grant.registry.name not in bounds.registries:
        fields.problem("registry", "conflict", f"this file may not name {grant.registry.name}")
    # A stored login has no role and no repositories: whoever may name its registry may have it.
    if grant.terms is not None:
        if not any(_is_role(grant.terms.role, role) for role in bounds.roles):
            fields.problem("role", "conflict", "this file may not name this role")
        _check_repositories("repositories", grant.terms.repositories, fields, bounds)
        _check_repositories("also_pull", grant.terms.also_pull, fields, bounds)
    entries = [issuer for name in grant.issuers if (issuer := issuers[name]) is not None]
    _check_organizations(grant, entries, fields, bounds)


def _check_repositories(key: str, templates: Iterable[Template], fields: Fields, bounds: FileBounds) -> None:
    for template in templates:
        if not any(_is_within(template, prefix) for prefix in bounds.prefixes):
            expected = ", ".join(bounds.prefixes) or "none"
            fields.problem(
                key, "conflict", f"expected one of this file's prefixes ({expected}), found {quoted(template.text)}"
            )


def _check_organizations(grant: Grant, entries: Sequence[Issuer], fields: Fields, bounds: FileBounds) -> None:
    possible = False
    for issuer in entries:
        callers = tuple(_callers(grant, issuer))
        possible |= bool(callers)
        if not all(_is_of(bounds.organizations, caller, issuer) for caller in callers):
            fields.problem(
                "match",
                "conflict",
                "expected conditions on organization or organization_id, with values, that leave none of "
                f"{issuer.name} but this file's organizations",
            )
    if entries and not possible:
        fields.problem("match", "conflict", "no organization that an issuer lists can have this grant")


def _is_role(role: str, allowed: str) -> bool:
    return role.startswith(allowed[:-1]) if allowed.endswith("*") else role == allowed


def _is_within(template: Template, prefix: str) -> bool:
    """Say whether every name that `template` can become has `prefix`.

    The same `{name}` is filled with the same value, so that texts can be compared as they stand.
    """
    fixed = template.text.partition("*")[0]
    return (
        fixed.startswith(prefix) if prefix.endswith("/") else template.text == prefix or fixed.startswith(f"{prefix}/")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caller:
    """What is sure of the organization of some callers; None is anything."""

    name: str | None
    id: str | None


def _callers(grant: Grant, issuer: Issuer) -> Iterator[_Caller]:
    """Yield what is sure of the organizations of those who pass the allowlist and the grant's conditions.

    Only what equals a value is counted on: what a glob, a raw claim or a repository's name says of the organization
    is not for this to judge.
    """
    names, ids = _values(grant, "organization"), _values(grant, "organization_id")
    for listed in issuer.organizations:
        for name in names or (listed.name,):
            for id_ in ids or (listed.id,):
                caller = _Caller(name=name, id=id_)
                if _holds(listed, caller, issuer):
                    yield caller


def _values(grant: Grant, name: str) -> tuple[str, ...]:
    """Return the values one of which the grant wants under `name`, none where it does not say."""
    for condition in grant.conditions:
        if condition.section == "match" and condition.path == (name,) and condition.exact_keys is not None:
            return tuple(value for _, value in condition.exact_keys if isinstance(value, str))
    return ()


def _is_of(allowed: tuple[Organization, ...], caller: _Caller, issuer: Issuer) -> bool:
    return any(_holds(organization, caller, issuer) for organization in allowed)


def _holds(organization: Organization, caller: _Caller, issuer: Issuer) -> bool:
    if organization.id is not None and _plain(organization.id, issuer) != caller.id:
        return False
    if organization.name is None:
        return True
    below = issuer.preset.organization_is_path and (caller.name or "").startswith(f"{organization.name}/")
    return caller.name == organization.name or below


def _plain(id_: str, issuer: Issuer) -> str:
    return without_braces(id_) if issuer.preset.is_braced("organization_id") else id_
