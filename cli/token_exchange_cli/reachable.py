"""Who can reach a role, a registry or a repository by a policy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from token_exchange.core.conditions import Condition, RawCondition
from token_exchange.core.glob import compile_glob
from token_exchange.core.policy import Access, Grant, Issuer, Organization, Policy, Template, spelled_duration
from token_exchange.core.ports import Json
from token_exchange.core.reach import WITH_SLASH
from token_exchange.core.registries import EcrPublicRegistry, EcrRegistry, Registry, SecretRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody may reach; None is anything. All that is given has to be reached by one grant."""

    role: str | None
    repository: str | None
    registry: Registry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A grant that leads there, for the runs of `issuers`.

    `organizations` are those that these list and the grant's conditions do not leave out. `access` is what it gives to
    what was asked for, None for a stored login, which nothing bounds.
    """

    grant: Grant
    issuers: tuple[str, ...]
    organizations: tuple[Organization, ...]
    access: Access | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The ways there are, and the names of grants that would be one if they were in force.

    `unbounded` are stored logins' grants, of which nothing says which repositories their logins reach.
    """

    open: tuple[Way, ...]
    in_report_mode: tuple[str, ...]
    expired: tuple[str, ...]
    unbounded: tuple[str, ...]


def ways_to(policy: Policy, wanted: Wanted, *, now: float) -> Ways:
    """Return every way by which `policy` leads to what is `wanted`; deny rules are not counted."""
    reaching = [(grant, access) for grant in policy.grants for access in _access(grant, wanted)]
    in_force: list[Way] = []
    in_report_mode: list[str] = []
    expired: list[str] = []
    for grant, access in reaching:
        issuers = [policy.issuers[name] for name in grant.issuers if policy.issuers[name].mode == "enforce"]
        if grant.mode == "report" or not issuers:
            in_report_mode.append(grant.name)
        elif grant.expires_at_seconds is not None and grant.expires_at_seconds <= now:
            expired.append(grant.name)
        else:
            in_force.append(_way(grant, issuers, access))
    return Ways(
        open=tuple(in_force),
        in_report_mode=tuple(in_report_mode),
        expired=tuple(expired),
        unbounded=tuple(grant.name for grant in policy.grants if _is_unbounded(grant, wanted)),
    )


def _way(grant: Grant, issuers: Sequence[Issuer], access: Access | None) -> Way:
    return Way(
        grant=grant,
        issuers=tuple(issuer.name for issuer in issuers),
        organizations=tuple(organizations_left(grant, issuers)),
        access=access,
    )


def _access(grant: Grant, wanted: Wanted) -> Iterator[Access | None]:
    """Yield what `grant` gives to what is wanted, or nothing where it does not lead there."""
    if wanted.registry is not None and grant.registry != wanted.registry:
        return
    terms = grant.terms
    if terms is None:
        if wanted.role is None and wanted.repository is None:
            yield None
    elif wanted.role in (None, terms.role):
        if wanted.repository is None or _covers(terms.repositories, wanted.repository):
            yield terms.access
        elif _covers(terms.also_pull, wanted.repository):
            yield "pull"


def _is_unbounded(grant: Grant, wanted: Wanted) -> bool:
    of_registry = wanted.registry in (None, grant.registry)
    return grant.terms is None and wanted.role is None and wanted.repository is not None and of_registry


def _covers(templates: Sequence[Template], repository: str) -> bool:
    return any(compile_glob(_widest(template)).matches(repository) for template in templates)


def _widest(template: Template) -> str:
    """Return a glob of every name that `template` can become: a value can be anything that it may be there."""
    parts = [template.literals[0].replace("*", "**")]
    for name, literal in zip(template.names, template.literals[1:], strict=True):
        parts += ["?**" if name in WITH_SLASH else "?*", literal.replace("*", "**")]
    return "".join(parts)


def organizations_left(grant: Grant, issuers: Sequence[Issuer]) -> Iterator[Organization]:
    """Yield each organization once, but for those that an exact condition of the grant leaves out."""
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
            # The name of a group holds for those below it, whose names it does not say.
            known = None if issuer.preset.organization_is_path else organization.name
        case "organization_id":
            known = organization.id
        case _:
            known = None
    return known is None or condition.holds(known)


def way_fields(way: Way) -> dict[str, Json]:
    """Return a way as the command prints it; what a stored login does not have is null."""
    terms = way.grant.terms
    return {
        "grant": way.grant.name,
        "issuers": [*way.issuers],
        "organizations": [organization_fields(organization) for organization in way.organizations],
        "conditions": [_condition_fields(condition) for condition in way.grant.conditions],
        "registry": way.grant.registry.name,
        "role": None if terms is None else terms.role,
        "access": way.access,
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


def kind_of_login(way: Way) -> str:
    """Return what the way gives, for a person."""
    registry = way.grant.registry
    match registry:
        case EcrRegistry():
            return f"{way.access} {registry.name}"
        case EcrPublicRegistry():
            return f"{way.access} {registry.name} (ECR Public)"
        case SecretRegistry():
            return f"the stored login of {registry.name}"
        case _:
            assert_never(registry)
