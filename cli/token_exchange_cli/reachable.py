"""Who can reach a role, a registry or a repository under a policy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from token_exchange.core.conditions import Condition, RawCondition
from token_exchange.core.glob import compile_glob
from token_exchange.core.policy import (
    Access,
    EcrPublicRegistry,
    EcrRegistry,
    Grant,
    Issuer,
    Organization,
    Policy,
    Registry,
    SecretRegistry,
    Template,
)
from token_exchange.core.ports import Json
from token_exchange.core.reach import WITH_SLASH
from token_exchange.loading.fields import spelled_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessQuery:
    """What to reach; None is anything. One grant must reach everything that is given."""

    role: str | None
    repository: str | None
    registry: Registry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantPath:
    """A grant that reaches it, for the runs of `issuers`.

    `organizations` are those of the issuers that the grant's conditions do not exclude. `access` is the access to what
    was queried, None for a stored login, which has no limits.
    """

    grant: Grant
    issuers: tuple[str, ...]
    organizations: tuple[Organization, ...]
    access: Access | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantPaths:
    """The grants that reach it, and the names of grants that would if they were in force.

    `unbounded` are grants of stored logins: nothing says which repositories these reach.
    """

    open: tuple[GrantPath, ...]
    in_report_mode: tuple[str, ...]
    expired: tuple[str, ...]
    unbounded: tuple[str, ...]


def grants_reaching(policy: Policy, query: AccessQuery, *, now: float) -> GrantPaths:
    """Return every grant of `policy` that reaches what `query` names; deny rules are not taken into account."""
    reaching = [(grant, access) for grant in policy.grants for access in _access(grant, query)]
    in_force: list[GrantPath] = []
    in_report_mode: list[str] = []
    expired: list[str] = []
    for grant, access in reaching:
        issuers = [policy.issuers[name] for name in grant.issuers if policy.issuers[name].mode == "enforce"]
        if grant.mode == "report" or not issuers:
            in_report_mode.append(grant.name)
        elif grant.has_expired(now):
            expired.append(grant.name)
        else:
            in_force.append(_path(grant, issuers, access))
    return GrantPaths(
        open=tuple(in_force),
        in_report_mode=tuple(in_report_mode),
        expired=tuple(expired),
        unbounded=tuple(grant.name for grant in policy.grants if _is_unbounded(grant, query)),
    )


def _path(grant: Grant, issuers: Sequence[Issuer], access: Access | None) -> GrantPath:
    return GrantPath(
        grant=grant,
        issuers=tuple(issuer.name for issuer in issuers),
        organizations=tuple(organizations_left(grant, issuers)),
        access=access,
    )


def _access(grant: Grant, query: AccessQuery) -> Iterator[Access | None]:
    """Yield the access that `grant` gives to what is queried, or nothing if it does not reach it."""
    if query.registry is not None and grant.registry != query.registry:
        return
    terms = grant.terms
    if terms is None:
        if query.role is None and query.repository is None:
            yield None
    elif query.role in (None, terms.role):
        if query.repository is None or _covers(terms.repositories, query.repository):
            yield terms.access
        elif _covers(terms.also_pull, query.repository):
            yield "pull"


def _is_unbounded(grant: Grant, query: AccessQuery) -> bool:
    of_registry = query.registry in (None, grant.registry)
    return grant.terms is None and query.role is None and query.repository is not None and of_registry


def _covers(templates: Sequence[Template], repository: str) -> bool:
    return any(compile_glob(_widest(template)).matches(repository) for template in templates)


def _widest(template: Template) -> str:
    """Return a glob that matches every name that `template` can produce."""
    parts = [template.literals[0].replace("*", "**")]
    for name, literal in zip(template.names, template.literals[1:], strict=True):
        parts += ["?**" if name in WITH_SLASH else "?*", literal.replace("*", "**")]
    return "".join(parts)


def organizations_left(grant: Grant, issuers: Sequence[Issuer]) -> Iterator[Organization]:
    """Yield each organization once, except for those that an exact condition of the grant excludes."""
    seen: set[Organization] = set()
    for issuer in issuers:
        for organization in issuer.organizations:
            if organization not in seen and all(
                _leaves(condition, organization, issuer) for condition in grant.conditions
            ):
                seen.add(organization)
                yield organization


def _leaves(condition: Condition, organization: Organization, issuer: Issuer) -> bool:
    """Say whether a token of `organization` could satisfy `condition`."""
    if isinstance(condition, RawCondition):
        return True
    match condition.name:
        case "organization":
            # A group includes the groups below it, whose names are not known.
            known = None if issuer.preset.organization_is_path else organization.name
        case "organization_id":
            known = organization.id
        case _:
            known = None
    return known is None or condition.holds(known)


def path_fields(path: GrantPath) -> dict[str, Json]:
    """Return a path as the command prints it; fields that a stored login does not have are null."""
    terms = path.grant.terms
    return {
        "grant": path.grant.name,
        "issuers": [*path.issuers],
        "organizations": [organization_fields(organization) for organization in path.organizations],
        "conditions": [_condition_fields(condition) for condition in path.grant.conditions],
        "registry": path.grant.registry.name,
        "role": None if terms is None else terms.role,
        "access": path.access,
        "repositories": None if terms is None else [template.text for template in terms.repositories],
        "also_pull": None if terms is None else [template.text for template in terms.also_pull],
        "duration": None if terms is None else spelled_duration(terms.duration_seconds),
    }


def organization_fields(organization: Organization) -> dict[str, Json]:
    """Return the organization as the policy has it."""
    given = {"name": organization.name, "id": organization.id}
    return {key: value for key, value in given.items() if value is not None}


def _condition_fields(condition: Condition) -> Json:
    claim = condition.claim
    return {
        "section": condition.document_path[0],
        "claim": claim if isinstance(claim, str) else [*claim],
        "expected": condition.expected,
    }


def login_description(path: GrantPath) -> str:
    """Describe the login for people."""
    registry = path.grant.registry
    match registry:
        case EcrRegistry():
            return f"{path.access} {registry.name}"
        case EcrPublicRegistry():
            return f"{path.access} {registry.name} (ECR Public)"
        case SecretRegistry():
            return f"the stored login of {registry.name}"
        case _:
            assert_never(registry)
