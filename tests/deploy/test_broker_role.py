"""The role that accounts trust, as its own template creates it: assumed in the sandbox's STS."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox import account
from sandbox.aws.principals import Role, make_role
from sandbox.aws.server import Aws
from tests.deploy.cloudformation import Stack, as_policy, at, load, mapping, role_policies
from tests.deploy.test_member_account import assume
from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.logins import StsRoleAssumer
from token_exchange.core.refusals import Reason, Refused

TEMPLATE = "deploy/broker-role.yaml"
ORGANIZATION = "o-a1b2c3d4e5"
REACH = {"OrganizationId": ORGANIZATION, "AssumableRoleName": "token-exchange/*"}
BROKER = f"arn:aws:iam::{account.APPS_ACCOUNT}:role/token-exchange"


def broker(**parameters: str) -> Role:
    stack = Stack(TEMPLATE, parameters)
    assert stack.refusals() == []
    role = stack.resource("BrokerRole")
    return replace(
        make_role(BROKER, trust=as_policy(role["AssumeRolePolicyDocument"]), permissions=[]),
        permissions=tuple(role_policies(stack, "BrokerRole")),
    )


def target(arn: str, *, organization: str | None = ORGANIZATION) -> Role:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": BROKER},
                "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
            }
        ],
    }
    return replace(
        make_role(account.PUSH_ROLE, trust=as_policy(trust), permissions=[]), arn=arn, organization=organization
    )


@pytest.fixture
def aws() -> Iterator[Aws]:
    with Aws(roles=[], callers=[]) as started:
        yield started


def refused(aws: Aws, monkeypatch: pytest.MonkeyPatch, service: Role, role: Role) -> Reason | None:
    """Assume `role` as a function that runs as `service`, and return why STS refused, if it did."""
    session = account.service_session(service)
    aws.principals.remember(session)
    aws.principals.put_role(role)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", session.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", session.secret_access_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", session.session_token)
    assumer = StsRoleAssumer(clients=AwsClients(region=account.REGION))
    try:
        assert assume(assumer, role_arn=role.arn)
    except Refused as error:
        return error.reason
    return None


@pytest.mark.parametrize("owner", ["111122223333", "444455556666", "999900001111"])
def test_any_account_of_the_organization_is_reached(aws: Aws, monkeypatch: pytest.MonkeyPatch, owner: str) -> None:
    role = target(f"arn:aws:iam::{owner}:role/token-exchange/ci-ecr-push")
    assert refused(aws, monkeypatch, broker(**REACH), role) is None


@pytest.mark.parametrize(
    ("arn", "organization"),
    [
        # The right name, in an account of someone else.
        ("arn:aws:iam::999900001111:role/token-exchange/ci-ecr-push", "o-9999999999"),
        ("arn:aws:iam::999900001111:role/token-exchange/ci-ecr-push", None),
        # Another role of the organization, whose trust policy is too wide.
        ("arn:aws:iam::444455556666:role/administrator", ORGANIZATION),
    ],
)
def test_other_roles_are_out_of_reach(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, arn: str, organization: str | None
) -> None:
    reason = refused(aws, monkeypatch, broker(**REACH), target(arn, organization=organization))
    assert reason is Reason.ROLE_REFUSED


def test_roles_can_be_named_by_their_arns(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    service = broker(AssumableRoleArns=f"{account.PUSH_ROLE},{account.PULL_ROLE}")
    assert refused(aws, monkeypatch, service, target(account.PULL_ROLE, organization=None)) is None
    assert refused(aws, monkeypatch, service, target(account.RELEASE_ROLE)) is Reason.ROLE_REFUSED


def test_the_role_has_a_stable_name_and_outlives_its_stack() -> None:
    role = mapping(load(TEMPLATE), "Resources", "BrokerRole")
    assert (role["DeletionPolicy"], role["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert Stack(TEMPLATE, REACH).resource("BrokerRole")["RoleName"] == "token-exchange"
    name = at(load("template.yaml"), "Parameters", "BrokerRoleName", "Type")
    assert name == "String"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "give OrganizationId and AssumableRoleName, or AssumableRoleArns"),
        ({"OrganizationId": ORGANIZATION}, "OrganizationId needs AssumableRoleName, such as token-exchange/*"),
        (
            {"AssumableRoleName": "ci-*", "AssumableRoleArns": account.PUSH_ROLE},
            "AssumableRoleName needs OrganizationId, or it would cover accounts of other owners",
        ),
    ],
)
def test_a_combination_that_cannot_work_is_refused(parameters: dict[str, str], said: str) -> None:
    assert Stack(TEMPLATE, parameters).refusals() == [said]
