import json

import pytest

from tests.policy.documents import changed, document, faults, load, problems_of, without
from token_exchange.policy.load import load_policy
from token_exchange.policy.reading.problems import Code, PolicyUnusable
from token_exchange.ports import Json


@pytest.mark.parametrize(
    ("region", "host", "arn"),
    [
        (
            "eu-west-3",
            "210987654321.dkr.ecr.eu-west-3.amazonaws.com",
            "arn:aws:ecr:eu-west-3:210987654321:repository/a/*",
        ),
        (
            "cn-north-1",
            "210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "arn:aws-cn:ecr:cn-north-1:210987654321:repository/a/*",
        ),
        (
            "us-gov-west-1",
            "210987654321.dkr.ecr.us-gov-west-1.amazonaws.com",
            "arn:aws-us-gov:ecr:us-gov-west-1:210987654321:repository/a/*",
        ),
        (
            "eusc-de-east-1",
            "210987654321.dkr.ecr.eusc-de-east-1.amazonaws.eu",
            "arn:aws-eusc:ecr:eusc-de-east-1:210987654321:repository/a/*",
        ),
    ],
)
def test_hosts_and_arns_are_the_partitions(region: str, host: str, arn: str) -> None:
    registry = load(changed(document(), "registries.base.region", region)).registries["base"]
    assert registry.host == host
    assert registry.repository_arn("a/*") == arn


def test_further_hosts_lead_to_the_same_registry() -> None:
    own, other = "210987654321.dkr.ecr.eu-central-1.amazonaws.com", "210987654321.dkr-ecr.eu-central-1.on.aws"
    policy = load(changed(document(), "registries.apps.hosts", [other, own]))
    assert policy.registries["apps"].hosts == (own, other)
    assert policy.registries_by_name_or_host[other].name == "apps"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("type", None, "empty"),
        ("type", 7, "wrong-type"),
        ("account", 210987654321, "wrong-type"),
        ("account", "21098765432", "bad-value"),
        ("account", "2109876543210", "bad-value"),
        ("account", "٢١٠٩٨٧٦٥٤٣٢١", "bad-value"),
        ("account", None, "empty"),
        ("region", "mars-1", "bad-value"),
        ("region", "", "empty"),
        ("region", "aws-global", "bad-value"),
        ("region", ["eu-central-1"], "wrong-type"),
        ("hosts", [], "empty"),
        ("hosts", "x.example", "wrong-type"),
        ("hosts", ["https://x.example"], "bad-value"),
        ("hosts", ["X.example"], "bad-value"),
        ("hosts", ["x.example/a"], "bad-value"),
        ("hosts", ["x.example", "x.example"], "duplicate-name"),
        ("hosts", ["x.example:99999999"], "bad-value"),
        ("secret_arn", "x", "unknown-key"),
        ("url", "x", "unknown-key"),
    ],
)
def test_one_fault_and_nothing_that_only_follows_from_it(path: str, value: Json, code: Code) -> None:
    assert faults(changed(document(), f"registries.apps.{path}", value)) == [(f"registries.apps.{path}", code)]


@pytest.mark.parametrize("kind", ["ecr-public", "secret", "docker"])
def test_other_types_are_not_available(kind: str) -> None:
    found = changed(changed(document(), "registries.apps.type", kind), "registries.apps.host", "docker.io")
    assert faults(found) == [("registries.apps.type", "not-available")]


@pytest.mark.parametrize("key", ["type", "account", "region"])
def test_what_none_can_be_without(key: str) -> None:
    assert faults(without(document(), f"registries.apps.{key}")) == [(f"registries.apps.{key}", "missing")]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "-a", "a\nb", "x" * 129, "é"])
def test_names_travel_in_parameters(name: str) -> None:
    found = document()
    registries = found["registries"]
    assert isinstance(registries, dict)
    registries[name] = {"type": "ecr", "account": "210987654321", "region": "us-west-2"}
    (problem,) = problems_of(found)
    assert (problem.path, problem.code) == (("registries", name), "bad-value")


def test_no_two_registries_share_a_host() -> None:
    same = changed(document(), "registries.base.region", "eu-central-1")
    (problem,) = problems_of(same)
    assert str(problem) == (
        "registries.base: host 210987654321.dkr.ecr.eu-central-1.amazonaws.com belongs to apps already"
    )
    extra = changed(document(), "registries.base.hosts", ["210987654321.dkr.ecr.eu-central-1.amazonaws.com"])
    assert faults(extra) == [("registries.base", "conflict")]


def test_a_name_is_not_another_registrys_host() -> None:
    found = changed(document(), "registries.apps.hosts", ["base"])
    assert faults(found) == [("registries.base", "conflict")]
    load(changed(document(), "registries.apps.hosts", ["apps"]))


def test_a_broken_registry_is_still_a_registry() -> None:
    assert faults(changed(document(), "registries.apps", [])) == [("registries.apps", "wrong-type")]


@pytest.mark.parametrize(
    ("own_region", "region"), [("eu-west-1", "cn-north-1"), ("cn-north-1", "eu-west-1"), ("us-east-1", "us-gov-west-1")]
)
def test_a_registry_of_another_partition_cannot_be_reached(own_region: str, region: str) -> None:
    there = document(registries={"apps": {"type": "ecr", "account": "111122223333", "region": region}})
    with pytest.raises(PolicyUnusable) as caught:
        load_policy(json.dumps(there).encode(), name="policy.json", read_file=None, own_region=own_region)
    assert ("registries", "apps", "region") in [problem.path for problem in caught.value.problems]


def test_any_region_of_the_own_partition_can_be_reached() -> None:
    text = json.dumps(document()).encode()
    assert load_policy(text, name="policy.json", read_file=None, own_region="ap-south-1").registries.keys() == {
        "apps",
        "base",
    }
