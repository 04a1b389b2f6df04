"""The ways through a policy: from a CI organization by a grant to a role and its registry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from token_exchange.core.policy import EcrPublicRegistry, EcrRegistry, Policy, Registry, SecretRegistry
from token_exchange_cli.policy_map.flow import Kind, Link
from token_exchange_cli.reachable import GrantPath, organizations_left
from token_exchange_cli.safe_text import in_reading_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One grant that is in force: who has it, and the role and registry that it leads to, each as the page shows it."""

    path: GrantPath
    callers: tuple[str, ...]
    role: str
    registry: str
    kind: Kind


def ways_of(policy: Policy, paths: Sequence[GrantPath]) -> list[Way]:
    """Return a way for each of `paths`, in the order of registry, role and grant."""
    ways = [
        Way(
            path=path,
            callers=tuple(_callers(policy, path)),
            role=_role(path),
            registry=f"{path.grant.registry.name} ({_place(path.grant.registry)})",
            kind=path.access or "stored",
        )
        for path in paths
    ]
    return sorted(ways, key=lambda way: [*map(in_reading_order, (way.registry, way.role, way.path.grant.name))])


def links_of(ways: Sequence[Way]) -> Iterator[Link]:
    """Yield a link for each caller's way to a role, and for each grant's from the role to its registry."""
    for way in ways:
        for caller in way.callers:
            yield Link(column=0, source=caller, target=way.role, kind=way.kind)
        yield Link(column=1, source=way.role, target=way.registry, kind=way.kind)


def _callers(policy: Policy, path: GrantPath) -> Iterator[str]:
    for name in path.issuers:
        for organization in organizations_left(path.grant, [policy.issuers[name]]):
            known = [text for text in (organization.name, organization.id) if text is not None]
            yield f"{name}: {' '.join(known)}"


def _role(path: GrantPath) -> str:
    terms = path.grant.terms
    return "the stored login" if terms is None else terms.role


def _place(registry: Registry) -> str:
    match registry:
        case EcrRegistry():
            return f"{registry.account}, {registry.region}"
        case EcrPublicRegistry():
            return registry.host if registry.account is None else f"{registry.account}, {registry.host}"
        case SecretRegistry():
            return registry.host
        case unknown:
            assert_never(unknown)
