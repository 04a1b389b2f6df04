"""The regions that are known are those of botocore, which the command line itself does not have."""

from botocore.loaders import create_loader

from token_exchange_cli.values import REGIONS


def test_the_known_regions_are_those_of_botocore() -> None:
    partitions = create_loader().load_data("partitions")["partitions"]
    found = {region for one in partitions for region in one["regions"] if not region.endswith("-global")}
    assert found == REGIONS
