"""A loaded policy: an immutable value in which everything is checked and precomputed."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Final, Literal, Protocol

from token_exchange.core.conditions import Condition
from token_exchange.core.identity import Preset
from token_exchange.core.ports import Json
from token_exchange.core.record import record
from token_exchange.core.trust import IssuersByUrl, IssuerTrust
from token_exchange.core.vocabulary import Name, Vocabulary


@record
class Template:
    """Literals and names in turn, beginning and ending with a literal; a literal may be empty."""

    text: str
    literals: tuple[str, ...]
    names: tuple[Name, ...]

    def filled(self, values: Sequence[str]) -> str:
        """Return the text with one value for each name, in their order."""
        parts = [self.literals[0]]
        for value, literal in zip(values, self.literals[1:], strict=True):
            parts += (value, literal)
        return "".join(parts)


PUBLIC_HOST: Final = "public.ecr.aws"

DOCKER_HUB_HOSTS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")

DOCKER_HUB_KEY: Final = "https://index.docker.io/v1/"
"""The only key under which clients look up a login for Docker Hub."""


@record
class EcrRegistry:
    """A private ECR registry: one account's repositories in one region. Its own host name is the first of `hosts`."""

    name: str
    account: str
    region: str
    partition: str
    hosts: tuple[str, ...]

    @property
    def host(self) -> str:
        """The registry's own host name."""
        return self.hosts[0]

    @property
    def client_keys(self) -> tuple[str, ...]:
        """The keys under which clients look up a login."""
        return self.hosts

    def repository_arn(self, pattern: str) -> str:
        """Return the ARN of a repository or of a pattern."""
        return f"arn:{self.partition}:ecr:{self.region}:{self.account}:repository/{pattern}"


@record
class EcrPublicRegistry:
    """ECR Public, which has one host for all accounts. `account` is the account to which grants may push, if any."""

    name: str
    account: str | None
    partition: str

    @property
    def host(self) -> str:
        """The registry's host name."""
        return PUBLIC_HOST

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names by which a request can select the registry."""
        return (PUBLIC_HOST,)

    @property
    def client_keys(self) -> tuple[str, ...]:
        """The keys under which clients look up a login."""
        return (PUBLIC_HOST,)

    def repository_arn(self, pattern: str) -> str:
        """Return the ARN of a repository or of a pattern; ECR Public's ARNs have no region."""
        return f"arn:{self.partition}:ecr-public::{self.account}:repository/{pattern}"


@record
class SecretRegistry:
    """A registry whose login is stored in Secrets Manager; every caller with a grant gets the same login."""

    name: str
    host: str
    secret_arn: str

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names by which a request can select the registry."""
        return DOCKER_HUB_HOSTS if self.host in DOCKER_HUB_HOSTS else (self.host,)

    @property
    def client_keys(self) -> tuple[str, ...]:
        """The keys under which clients look up a login."""
        return (DOCKER_HUB_KEY,) if self.host in DOCKER_HUB_HOSTS else (self.host,)

    @property
    def region(self) -> str:
        """The secret's region, from its ARN."""
        return self.secret_arn.split(":")[3]


type Registry = EcrRegistry | EcrPublicRegistry | SecretRegistry

type Mode = Literal["enforce", "report"]

MODES: Final[tuple[Mode, ...]] = ("enforce", "report")

type Access = Literal["pull", "push"]
"""Push includes pull."""

type Assume = Literal["broker", "web-identity"]
"""`broker` assumes the role as the service itself, `web-identity` with the caller's own token."""

ASSUMES: Final[tuple[Assume, ...]] = ("broker", "web-identity")
ACCESSES: Final[tuple[Access, ...]] = ("pull", "push")


@record
class Organization:
    """One item of an issuer's allowlist; if it has name and id, the same token must have both."""

    name: str | None
    id: str | None


@record
class Budget:
    """The exchanges allowed in a period, for each value of one name of the vocabulary."""

    per: Name
    exchanges: int
    every_seconds: int


@record
class Issuer:
    """An issuer entry: how its tokens are verified and read, and which organizations are allowed."""

    name: str
    preset: Preset
    trust: IssuerTrust
    organizations: tuple[Organization, ...]
    mode: Mode
    budgets: tuple[Budget, ...] = ()

    def allows(self, vocabulary: Vocabulary) -> bool:
        """Return whether the organization of a token is on the allowlist; a token that names none is not allowed."""
        name = vocabulary.get("organization")
        return self.lists(
            self.organizations, name=name if isinstance(name, str) else None, id_=vocabulary.get("organization_id")
        )

    def lists(self, organizations: Iterable[Organization], *, name: str | None, id_: str | bool | None) -> bool:
        """Return whether `organizations`, a list of this issuer, include this name and id; None means unknown.

        The allowlists of a policy folder's files are narrower lists of the same issuer.
        """
        return any(
            # Anyone can register a name that was given up: if an id is listed too, both must match.
            organization.id in (None, id_) and (organization.name is None or self._is_within(name, organization.name))
            for organization in organizations
        )

    def _is_within(self, name: str | None, listed: str) -> bool:
        # The slash is part of the prefix: `acme` must not match `acme-evil`.
        return name == listed or (
            self.preset.organization_is_path and name is not None and name.startswith(f"{listed}/")
        )


@record
class DenyRule:
    """Refuses every run of its issuers for which all conditions hold."""

    name: str
    issuers: frozenset[str]
    conditions: tuple[Condition, ...]


@record
class Also:
    """Rights on a grant's repositories beyond pull and push; `sign` is the ARN of a signing profile."""

    list: bool = False
    import_: bool = False
    sign: str | None = None


@record
class SessionTerms:
    """How a login's session is made and what it may do; `session_tags` is True for the standard set, False for none."""

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

    @property
    def text_templates(self) -> Iterator[tuple[Literal["session_tags", "source_identity"], Template]]:
        """The templates of tags and source identity, each with the key that holds it."""
        if isinstance(self.session_tags, Mapping):
            yield from (("session_tags", template) for template in self.session_tags.values())
        if isinstance(self.source_identity, Template):
            yield "source_identity", self.source_identity


@record
class Grant:
    """Who may have which login.

    `identifying` are the indexes of the conditions on claims that name a tenant, a repository or a person, which are
    all but `Preset.public_claims`: a caller is shown a grant only if all of these hold. `expires_at_seconds` is the
    first second, since the epoch, at which the grant no longer counts.
    """

    name: str
    issuers: tuple[str, ...]
    conditions: tuple[Condition, ...]
    identifying: frozenset[int]
    registry: Registry
    terms: SessionTerms | None
    single_use: bool
    allow_untrusted_triggers: bool
    mode: Mode
    expires: str | None
    expires_at_seconds: int | None
    contact: str | None

    def has_expired(self, now: float) -> bool:
        """Return whether the last day of the grant is over at `now`, in seconds since the epoch."""
        return self.expires_at_seconds is not None and now >= self.expires_at_seconds


class GrantIndex(Protocol):
    """Finds the grants that can apply to a token; it omits only grants that cannot win, see `loading/load.py`."""

    @property
    def all(self) -> Sequence[int]:
        """The indexes of all grants of the issuer, in the order of the file."""

    def candidates(self, vocabulary: Vocabulary, claims: Mapping[str, Json]) -> Sequence[int]:
        """Return the indexes of all grants that can apply to the token, in the order of the file."""


@record
class Policy:
    """The content of one document, and its identity: the hex SHA-256 over all of its bytes.

    `files` are the paths of the files it names, `brake_sha256` the identity of a brake, whose rules begin `deny`.
    """

    sha256: str
    files: tuple[str, ...]
    issuers: Mapping[str, Issuer]
    registries: Mapping[str, Registry]
    deny: tuple[DenyRule, ...]
    grants: Sequence[Grant]
    issuers_by_url: IssuersByUrl = field(repr=False)
    registries_by_name_or_host: Mapping[str, Registry] = field(repr=False)
    grant_names: Container[str] = field(repr=False)
    indexes: Mapping[str, GrantIndex] = field(repr=False)
    claims_in_conditions: frozenset[str] = field(repr=False)
    brake_sha256: str | None = None
