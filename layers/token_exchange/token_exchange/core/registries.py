"""The registries that a policy knows, and the AWS partitions in which they lie.

Source of the partitions: the endpoint data that botocore ships; a test holds this table against it.
"""

import re
from dataclasses import dataclass
from typing import Final, NewType


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """An AWS partition: its name in ARNs, the pattern of its regions, the suffix of its host names."""

    name: str
    regions: re.Pattern[str]
    dns_suffix: str


PARTITIONS: Final = (
    Partition(
        name="aws",
        regions=re.compile(r"(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-[0-9]+"),
        dns_suffix="amazonaws.com",
    ),
    Partition(name="aws-cn", regions=re.compile(r"cn-[a-z]+-[0-9]+"), dns_suffix="amazonaws.com.cn"),
    Partition(name="aws-us-gov", regions=re.compile(r"us-gov-[a-z]+-[0-9]+"), dns_suffix="amazonaws.com"),
    Partition(name="aws-eusc", regions=re.compile(r"eusc-(?:de)-[a-z]+-[0-9]+"), dns_suffix="amazonaws.eu"),
    Partition(name="aws-iso", regions=re.compile(r"us-iso-[a-z]+-[0-9]+"), dns_suffix="c2s.ic.gov"),
    Partition(name="aws-iso-b", regions=re.compile(r"us-isob-[a-z]+-[0-9]+"), dns_suffix="sc2s.sgov.gov"),
    Partition(name="aws-iso-e", regions=re.compile(r"eu-isoe-[a-z]+-[0-9]+"), dns_suffix="cloud.adc-e.uk"),
    Partition(name="aws-iso-f", regions=re.compile(r"us-isof-[a-z]+-[0-9]+"), dns_suffix="csp.hci.ic.gov"),
)


def partition_of(region: str) -> Partition | None:
    """Return the partition of `region`, or None if it is not the name of a region."""
    return next((partition for partition in PARTITIONS if partition.regions.fullmatch(region)), None)


PUBLIC_HOST: Final = "public.ecr.aws"

PUBLIC_REGION: Final = "us-east-1"
"""ECR Public User Guide, "Registry authentication": only this region's API returns logins."""

DOCKER_HUB_HOSTS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")

DOCKER_HUB_KEY: Final = "https://index.docker.io/v1/"
"""The only key under which clients look up a login for Docker Hub."""

RepositoryPattern = NewType("RepositoryPattern", str)
"""A string in ECR's form of a name, in which `*` is any run of characters: made by `reach.fill_repository_template`.

It becomes an ARN of a session policy, so a string that was not checked must not get here.
"""

RepositoryName = NewType("RepositoryName", RepositoryPattern)
"""A full name, which is a pattern of itself only: made by `reach.parse_repository_name`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcrRegistry:
    """A private ECR registry: one account's repositories in one region. Its own host name is the first of `hosts`."""

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
        """The keys under which clients look up a login."""
        return self.hosts

    def repository_arn(self, pattern: str) -> str:
        """Return the ARN of a repository or of a pattern."""
        return f"arn:{self.partition.name}:ecr:{self.region}:{self.account}:repository/{pattern}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EcrPublicRegistry:
    """ECR Public, which has one host for all accounts. `account` is the one that grants may push to, if any."""

    name: str
    account: str | None
    partition: Partition

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
        return f"arn:{self.partition.name}:ecr-public::{self.account}:repository/{pattern}"


@dataclass(frozen=True, slots=True, kw_only=True)
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
