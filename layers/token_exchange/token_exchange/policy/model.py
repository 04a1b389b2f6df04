"""A loaded policy: an immutable value in which everything is checked and precomputed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from token_exchange.policy.conditions import Condition
from token_exchange.policy.index import GrantIndex
from token_exchange.policy.registries import Registry
from token_exchange.policy.templates import Template
from token_exchange.providers.preset import Preset
from token_exchange.providers.vocabulary import Name, Vocabulary
from token_exchange.verify.trust import IssuersByUrl, IssuerTrust

type Mode = Literal["enforce", "report"]

MODES: Final[tuple[Mode, ...]] = ("enforce", "report")

type Access = Literal["pull", "push"]
"""Push includes pull."""

type Assume = Literal["broker", "web-identity"]
"""`broker` assumes the role as the service itself, `web-identity` with the caller's own token."""

ASSUMES: Final[tuple[Assume, ...]] = ("broker", "web-identity")

ACCESSES: Final[tuple[Access, ...]] = ("pull", "push")


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """One line of an issuer's allowlist: where both are given, both must hold of the same token."""

    name: str | None
    id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """So many exchanges, every so often, for each value of one name of the vocabulary."""

    per: Name
    exchanges: int
    every_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An issuer entry: whom it trusts to say what, and which organizations may come."""

    name: str
    preset: Preset
    trust: IssuerTrust
    organizations: tuple[Organization, ...]
    mode: Mode
    budgets: tuple[Budget, ...] = ()

    def allows(self, vocabulary: Vocabulary) -> bool:
        """Say whether the organization of a token is on the list; one that it does not name is not."""
        return any(self._is(organization, vocabulary) for organization in self.organizations)

    def _is(self, organization: Organization, vocabulary: Vocabulary) -> bool:
        # A name alone can be given up and taken by a stranger: where an id is listed too, it has to hold as well.
        if organization.id is not None and vocabulary.get("organization_id") != organization.id:
            return False
        if organization.name is None:
            return True
        found = vocabulary.get("organization")
        if not isinstance(found, str):
            return False
        below = self.preset.organization_is_path and found.startswith(f"{organization.name}/")
        return found == organization.name or below


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyRule:
    """Refuses every run of its issuers for which all conditions hold."""

    name: str
    issuers: frozenset[str]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Also:
    """Rights on a grant's repositories beyond pull and push."""

    list: bool = False
    import_: bool = False
    sign: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerms:
    """How the session of a login is made, and what it may do.

    `session_tags` is True for the standard set, False for none.
    """

    role: str
    assume: Assume
    external_id: str | None
    access: Access
    repositories: tuple[Template, ...]
    also_pull: tuple[Template, ...]
    also: Also
    duration_seconds: int
    session_tags: bool | Mapping[str, Template]
    source_identity: bool | Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Who may have which login.

    `who` are the conditions, by their places, that tell one tenant from another: a caller is shown a grant only where
    all of these hold. `session_tags` is True for the standard set, False for none. `expires_at_seconds` is the first
    second, since the epoch, at which the grant no longer counts.
    """

    name: str
    issuers: tuple[str, ...]
    conditions: tuple[Condition, ...]
    who: frozenset[int]
    registry: Registry
    terms: SessionTerms | None
    single_use: bool
    allow_untrusted_triggers: bool
    mode: Mode
    expires: str | None
    expires_at_seconds: int | None
    contact: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that one document says, and its identity: the hex SHA-256 over all of its bytes.

    `files` are the paths of the files it names.
    """

    sha256: str
    files: tuple[str, ...]
    issuers: Mapping[str, Issuer]
    registries: Mapping[str, Registry]
    deny: tuple[DenyRule, ...]
    grants: tuple[Grant, ...]
    issuers_by_url: IssuersByUrl = field(repr=False)
    registries_by_name_or_host: Mapping[str, Registry] = field(repr=False)
    grant_names: frozenset[str] = field(repr=False)
    indexes: Mapping[str, GrantIndex] = field(repr=False)
    claims_in_conditions: frozenset[str] = field(repr=False)
