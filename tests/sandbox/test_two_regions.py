"""A region is lost: two exchanges, each with its own broker role, one set of roles that trusts both."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import account
from sandbox.aws.principals import Role, Session, make_role, new_access_key_id, new_secret
from sandbox.backends import Backends
from sandbox.service import Service
from tests.cli.program import run
from tests.cli.roles.made import roles_in
from tests.deploy.cloudformation import Stack, as_policy, role_policies

REGIONS = ("eu-west-1", "eu-central-1")
ORGANIZATION = "o-a1b2c3d4e5"

JOB = """
for address in $ADDRESSES; do
  printf 'Authorization: Bearer %s' "$TOKEN" |
    curl -sS --fail-with-body --max-time 20 -H @- -X POST "$address/v1/token?registry=base" && exit
done
exit 1
"""


def broker_arn(region: str) -> str:
    return f"arn:aws:iam::{account.APPS_ACCOUNT}:role/token-exchange-{region}"


def broker(region: str, table: str, brake: str) -> Role:
    """Return the role of a region's exchange, as both templates make it."""
    name = f"token-exchange-{region}"
    given = {"RoleName": name, "OrganizationId": ORGANIZATION, "AssumableRoleName": "ci-ecr-*"}
    own = Stack("deploy/broker-role.yaml", given)
    exchange = Stack(
        "template.yaml",
        {"BrokerRoleName": name, "AWS::Region": region},
        attributes={
            "StateTable.Arn": f"arn:aws:dynamodb:{region}:{account.APPS_ACCOUNT}:table/{table}",
            "BrakeTable.Arn": f"arn:aws:dynamodb:{region}:{account.APPS_ACCOUNT}:table/{brake}",
            "ExchangeLogGroup.Arn": f"arn:aws:logs:{region}:{account.APPS_ACCOUNT}:log-group:exchange:*",
        },
    )
    attached = Stack("template.yaml", {"BrokerRoleName": name}).resource("ExchangePolicy")
    assert attached["Roles"] == [name]
    made = make_role(
        broker_arn(region),
        trust=as_policy(own.resource("BrokerRole")["AssumeRolePolicyDocument"]),
        permissions=[as_policy(exchange.resource("ExchangePolicy")["PolicyDocument"])],
    )
    return replace(made, permissions=(*made.permissions, *role_policies(own, "BrokerRole")))


def session_of(role: Role) -> Session:
    return Session(
        role=role,
        name="exchange",
        access_key_id=new_access_key_id(),
        secret_access_key=new_secret(size_bytes=30),
        session_token=new_secret(size_bytes=90),
        expires_at=None,
    )


def environment(backends: Backends, region: str) -> dict[str, str]:
    session = backends.aws.principals.remember(
        session_of(broker(region, backends.aws.state.name, backends.aws.state.brake_name))
    )
    return backends.environment() | {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
    }


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[Backends]:
    """A sandbox whose accounts have the roles that `roles` generates for both brokers, and no others."""
    with Backends(tmp_path) as started:
        brokers = [option for region in REGIONS for option in ("--broker-role", broker_arn(region))]
        printed = run("roles", started.policy_path, *brokers)
        assert printed.status == 0
        for owner in (account.APPS_ACCOUNT, account.BASE_ACCOUNT):
            for role in roles_in(owner, printed.out, tmp_path).values():
                started.aws.principals.put_role(replace(role, organization=ORGANIZATION))
        yield started


def job(backends: Backends, *addresses: str) -> int:
    token = backends.issuer.mint("github-actions", audience=backends.audience)
    variables = {"ADDRESSES": " ".join(addresses), "TOKEN": token, "PATH": "/usr/bin:/bin"}
    return subprocess.run(["sh", "-c", JOB], env=variables, capture_output=True, check=False, timeout=60).returncode


def test_jobs_continue_when_a_region_is_lost(backends: Backends) -> None:
    with ExitStack() as running:
        first, second = (running.enter_context(Service(environment(backends, region))) for region in REGIONS)
        for addresses in ((first.url,), (second.url,)):
            assert job(backends, *addresses) == 0
        first.close()
        assert job(backends, first.url) == 1
        assert job(backends, first.url, second.url) == 0
    assumed = [session.role.arn for session in backends.aws.principals.sessions() if session.tags]
    assert assumed == [account.PULL_ROLE] * 3
