import json

import pytest

from tests.loading.documents import changed, document, faults, load, problems_of, without
from token_exchange.core.policy import EcrPublicRegistry, EcrRegistry, SecretRegistry
from token_exchange.core.ports import Json
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import Code, PolicyUnusable


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
    assert isinstance(registry, EcrRegistry)
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


@pytest.mark.parametrize("kind", ["", "ECR", "docker", "private", "secrets"])
def test_there_are_three_types(kind: str) -> None:
    found = changed(document(), "registries.apps.type", kind)
    assert faults(found) == [("registries.apps.type", "empty" if not kind else "bad-value")]


# ------------------------------------------------------------------------------------------------------ ECR Public


def test_ecr_public_has_one_host_and_perhaps_an_account() -> None:
    found = load(changed(document(), "registries.public", {"type": "ecr-public"})).registries["public"]
    assert isinstance(found, EcrPublicRegistry)
    assert (found.host, found.hosts, found.client_keys) == ("public.ecr.aws",) + (("public.ecr.aws",),) * 2
    assert found.account is None
    owned: Json = {"type": "ecr-public", "account": "210987654321"}
    found = load(changed(document(), "registries.public", owned)).registries["public"]
    assert isinstance(found, EcrPublicRegistry)
    assert found.repository_arn("a/*") == "arn:aws:ecr-public::210987654321:repository/a/*"


@pytest.mark.parametrize(("key", "value"), [("region", "us-east-1"), ("hosts", ["x.example"]), ("host", "x.example")])
def test_ecr_public_has_nothing_else(key: str, value: Json) -> None:
    found = changed(document(), "registries.public", {"type": "ecr-public", key: value})
    assert faults(found) == [(f"registries.public.{key}", "unknown-key")]


def test_ecr_public_is_in_one_partition() -> None:
    text = json.dumps(document(registries={"apps": {"type": "ecr-public"}})).encode()
    with pytest.raises(PolicyUnusable) as caught:
        load_policy(text, name="p", read_file=None, own_region="cn-north-1")
    assert ("registries", "apps", "type") in [problem.path for problem in caught.value.problems]


# ------------------------------------------------------------------------------------------------------ stored logins

HUB: dict[str, Json] = {
    "type": "secret",
    "host": "docker.io",
    "secret_arn": "arn:aws:secretsmanager:eu-west-1:210987654321:secret:hub/login-AbCdEf",
}


def test_a_stored_login_is_for_the_host_it_names() -> None:
    found = load(changed(document(), "registries.quay", {**HUB, "host": "quay.io"})).registries["quay"]
    assert isinstance(found, SecretRegistry)
    assert (found.host, found.hosts, found.client_keys) == ("quay.io", ("quay.io",), ("quay.io",))
    assert found.region == "eu-west-1"


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_its_own_client_key(host: str) -> None:
    policy = load(changed(document(), "registries.hub", {**HUB, "host": host}))
    found = policy.registries["hub"]
    assert found.client_keys == ("https://index.docker.io/v1/",)
    # By whichever of its names a client asks.
    assert policy.registries_by_name_or_host["index.docker.io"] is found
    assert policy.registries_by_name_or_host["docker.io"] is found


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("host", "https://docker.io", "bad-value"),
        ("host", "docker.io/library", "bad-value"),
        ("host", 7, "wrong-type"),
        ("secret_arn", "hub/login", "bad-value"),
        ("secret_arn", "arn:aws:secretsmanager:eu-west-1:210987654321:secret:*", "bad-value"),
        ("secret_arn", "arn:aws:secretsmanager:eu-west-1:210987654321:secret:", "bad-value"),
        ("secret_arn", "arn:aws:secretsmanager:nowhere:210987654321:secret:x", "bad-value"),
        ("secret_arn", "arn:aws-cn:secretsmanager:eu-west-1:210987654321:secret:x", "bad-value"),
        ("secret_arn", "arn:aws:ssm:eu-west-1:210987654321:parameter/x", "bad-value"),
        ("account", "210987654321", "unknown-key"),
        ("region", "eu-west-1", "unknown-key"),
    ],
)
def test_one_fault_of_a_stored_login(key: str, value: Json, code: str) -> None:
    assert faults(changed(document(), "registries.hub", {**HUB, key: value})) == [(f"registries.hub.{key}", code)]


@pytest.mark.parametrize("key", ["host", "secret_arn"])
def test_missing_keys_of_a_stored_login_are_errors(key: str) -> None:
    found = {name: value for name, value in HUB.items() if name != key}
    assert faults(changed(document(), "registries.hub", found)) == [(f"registries.hub.{key}", "missing")]


def test_two_stored_logins_of_one_host_are_one_too_many() -> None:
    two = changed(changed(document(), "registries.hub", HUB), "registries.hub2", {**HUB, "host": "index.docker.io"})
    assert ("registries.hub2", "conflict") in faults(two)


@pytest.mark.parametrize("key", ["type", "account", "region"])
def test_missing_keys_of_a_registry_are_errors(key: str) -> None:
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
        "registries.base: host 210987654321.dkr.ecr.eu-central-1.amazonaws.com is already used by apps"
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


def test_a_secret_of_another_partition_cannot_be_read() -> None:
    text = json.dumps(document(registries={"apps": HUB})).encode()
    with pytest.raises(PolicyUnusable) as caught:
        load_policy(text, name="p", read_file=None, own_region="cn-north-1")
    assert (("registries", "apps", "secret_arn"), "conflict") in [
        (problem.path, problem.code) for problem in caught.value.problems
    ]


def test_a_secret_has_a_name_of_at_most_519_characters() -> None:
    longest = f"arn:aws:secretsmanager:eu-west-1:210987654321:secret:{'x' * 519}"
    taken = load(changed(document(), "registries.hub", {**HUB, "secret_arn": longest})).registries["hub"]
    assert isinstance(taken, SecretRegistry)
    assert taken.secret_arn == longest
    found = changed(document(), "registries.hub", {**HUB, "secret_arn": f"{longest}x"})
    assert faults(found) == [("registries.hub.secret_arn", "bad-value")]
