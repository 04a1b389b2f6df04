"""Which AWS partition a region is in, and how ECR's hosts are named there.

Source: the endpoint data that botocore ships; a test holds this table against it.
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """An AWS partition: the part of its ARNs, the form of its regions, the end of its host names."""

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
    """Return the partition of `region`, or None where no region has such a name."""
    return next((partition for partition in PARTITIONS if partition.regions.fullmatch(region)), None)
