"""The registries that a policy knows: what a login to each is, and by which names it is asked for."""

from dataclasses import dataclass
from typing import Final

from token_exchange.policy.partitions import Partition

PUBLIC_HOST: Final = "public.ecr.aws"
PUBLIC_REGION: Final = "us-east-1"
"""ECR Public User Guide: the one region whose API gives out logins."""

DOCKER_HUB_HOSTS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")
DOCKER_HUB_KEY: Final = "https://index.docker.io/v1/"
"""Under which Docker Hub's clients look for its login, and under no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcrRegistry:
    """A private ECR registry: one account's repositories in one region. `hosts` has its own host name first."""

    name: str
    account: str
    region: str
    partition: Partition
    hosts: tuple[str, ...]

    @property
    def host(self) -> str:
        """The registry's own host name."""
        return self.hosts[0]

    @property
    def client_keys(self) -> tuple[str, ...]:
        """The names under which clients look for a login."""
        return self.hosts

    def repository_arn(self, pattern: str) -> str:
        """Return the ARN of a repository, or the pattern of several."""
        return f"arn:{self.partition.name}:ecr:{self.region}:{self.account}:repository/{pattern}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EcrPublicRegistry:
    """ECR Public: everybody's images at one host. `account` is whose repositories may be pushed to, if any."""

    name: str
    account: str | None
    partition: Partition

    @property
    def host(self) -> str:
        """The registry's host name."""
        return PUBLIC_HOST

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which it is asked for."""
        return (PUBLIC_HOST,)

    @property
    def client_keys(self) -> tuple[str, ...]:
        """The names under which clients look for a login."""
        return (PUBLIC_HOST,)

    def repository_arn(self, pattern: str) -> str:
        """Return the ARN of a repository, or the pattern of several, which belong to no region."""
        return f"arn:{self.partition.name}:ecr-public::{self.account}:repository/{pattern}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRegistry:
    """A registry whose login is kept in Secrets Manager: it is handed out as it is, whoever asks."""

    name: str
    host: str
    secret_arn: str

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which it is asked for."""
        return DOCKER_HUB_HOSTS if self.host in DOCKER_HUB_HOSTS else (self.host,)

    @property
    def client_keys(self) -> tuple[str, ...]:
        """The names under which clients look for a login."""
        return (DOCKER_HUB_KEY,) if self.host in DOCKER_HUB_HOSTS else (self.host,)

    @property
    def region(self) -> str:
        """The region of the secret, which its ARN names."""
        return self.secret_arn.split(":")[3]


type Registry = EcrRegistry | EcrPublicRegistry | SecretRegistry
