"""The table against the endpoint data of the SDK that this is tested with."""

import json
from importlib.resources import files

import pytest

from token_exchange.loading.registries import PARTITIONS, partition_of

SDK = json.loads((files("botocore") / "data" / "partitions.json").read_text())["partitions"]
REGIONS = [
    (partition["id"], region, partition["outputs"]["dnsSuffix"])
    for partition in SDK
    for region in partition["regions"]
    if not region.endswith("-global")
]


def test_every_region_of_the_sdk(subtests: pytest.Subtests) -> None:
    for partition, region, dns_suffix in REGIONS:
        with subtests.test(partition=partition, region=region, dns_suffix=dns_suffix):
            found = partition_of(region)
            assert found is not None
            assert (found.name, found.dns_suffix) == (partition, dns_suffix)


def test_every_partition_of_the_sdk() -> None:
    assert {partition.name for partition in PARTITIONS} == {partition["id"] for partition in SDK}


@pytest.mark.parametrize(
    "region",
    [
        "",
        "mars-1",
        "eu-west",
        "EU-WEST-1",
        "eu-west-1\n",
        "eu-west-1a",
        " eu-west-1",
        "aws-global",
        "us-east-1.evil.example",
        "eu-wést-1",
        "eu-west-\u0661",
    ],
)
def test_an_unknown_form_of_region_is_refused(region: str) -> None:
    assert partition_of(region) is None
