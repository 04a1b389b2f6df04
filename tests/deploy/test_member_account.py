import re
import time
from collections.abc import Iterator, Mapping

import pytest

from sandbox import account
from sandbox.aws.policies import AuthorizationRequest, Decision
from sandbox.aws.principals import Role, make_role
from sandbox.aws.server import Aws
from tests.deploy.cloudformation import Stack, as_policy, at, load, sequence, text
from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.logins import StsRoleAssumer
from token_exchange.core.ports import RoleRequest, SessionPolicy
from token_exchange.core.refusals import Reason, Refused

TEMPLATE = "deploy/member-account.yaml"
TAGS = {"issuer": "github", "grant": "own-images", "repository": "acme/shop"}
REPOSITORY = "arn:aws:ecr:eu-west-1:111122223333:repository/"
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH = ["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"]


def member_role(**parameters: object) -> Role:
    """Return the role that the template makes, under the ARN that the sandbox's service may assume."""
    given: dict[str, object] = {"BrokerRoleArns": account.SERVICE_ROLE, "Repositories": "ci/*,releases/shop"}
    role = Stack(TEMPLATE, given | parameters).resource("RegistryRole")
    maximum = role["MaxSessionDuration"]
    assert isinstance(maximum, int)
    return make_role(
        account.PUSH_ROLE,
        trust=as_policy(role["AssumeRolePolicyDocument"]),
        permissions=[as_policy(at(each, "PolicyDocument")) for each in sequence(role, "Policies")],
        max_session_seconds=maximum,
    )


@pytest.fixture
def aws() -> Iterator[Aws]:
    service = account.roles()[0]
    with Aws(roles=[service], callers=[account.service_session(service)]) as started:
        yield started


@pytest.fixture
def assumer(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> StsRoleAssumer:
    session = account.service_session(account.roles()[0])
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", session.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", session.secret_access_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", session.session_token)
    return StsRoleAssumer(clients=AwsClients(region=account.REGION))


def assume(
    assumer: StsRoleAssumer,
    *,
    role_arn: str = account.PUSH_ROLE,
    external_id: str | None = None,
    source_identity: str | None = "acme-shop",
    tags: Mapping[str, str] = TAGS,
) -> str:
    request = RoleRequest(
        role_arn=role_arn,
        session_name="70010001-1-0123456789ab",
        session_policy=SessionPolicy(
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}'
        ),
        duration_seconds=3600,
        external_id=external_id,
        source_identity=source_identity,
        tags=tags,
    )
    return assumer.assume(request).access_key_id


def test_the_service_assumes_it_as_it_does_by_default(aws: Aws, assumer: StsRoleAssumer) -> None:
    aws.principals.put_role(member_role())
    assert assume(assumer)


def test_with_an_external_id_the_role_requires_it(aws: Aws, assumer: StsRoleAssumer) -> None:
    aws.principals.put_role(member_role(ExternalId="acme-1"))
    assert assume(assumer, external_id="acme-1")
    for wrong in (None, "acme-2"):
        with pytest.raises(Refused) as refused:
            assume(assumer, external_id=wrong)
        assert refused.value.reason is Reason.ROLE_REFUSED


@pytest.mark.parametrize(
    ("source_identity", "tags"),
    [
        (None, TAGS),
        ("acme-shop", {}),
        ("acme-shop", {"repository": "acme/shop"}),
        ("acme-shop", {"issuer": "github"}),
    ],
)
def test_a_session_without_a_source_identity_is_refused(
    aws: Aws, assumer: StsRoleAssumer, source_identity: str | None, tags: Mapping[str, str]
) -> None:
    aws.principals.put_role(member_role())
    with pytest.raises(Refused) as refused:
        assume(assumer, source_identity=source_identity, tags=tags)
    assert refused.value.reason is Reason.ROLE_REFUSED
    aws.principals.put_role(member_role(RequireTrace="false"))
    assert assume(assumer, source_identity=source_identity, tags=tags)


def test_each_broker_of_the_list_is_trusted(aws: Aws, assumer: StsRoleAssumer) -> None:
    brokers = f"arn:aws:iam::111122223333:role/another-region,{account.SERVICE_ROLE}"
    aws.principals.put_role(member_role(BrokerRoleArns=brokers))
    assert assume(assumer)


def test_only_the_broker_is_trusted(aws: Aws, assumer: StsRoleAssumer) -> None:
    role = member_role(BrokerRoleArns="arn:aws:iam::111122223333:role/another-broker", RequireTrace="false")
    aws.principals.put_role(role)
    with pytest.raises(Refused) as refused:
        assume(assumer)
    assert refused.value.reason is Reason.ROLE_REFUSED


def allowed(role: Role, action: str, resource: str, *, resource_account: str = "111122223333") -> bool:
    ask = AuthorizationRequest(
        action=action,
        resource=resource,
        context={"aws:resourceaccount": [resource_account], "aws:currenttime": [str(int(time.time()))]},
    )
    return any(policy.evaluate(ask) is Decision.ALLOW for policy in role.permissions)


@pytest.mark.parametrize("action", [*PULL, *PUSH])
def test_push_is_off_unless_requested(action: str) -> None:
    assert allowed(member_role(Access="push"), action, f"{REPOSITORY}ci/acme/shop")
    assert allowed(member_role(Access="pull"), action, f"{REPOSITORY}ci/acme/shop") is (action in PULL)


@pytest.mark.parametrize(
    "action", ["ecr:DeleteRepository", "ecr:BatchDeleteImage", "ecr:SetRepositoryPolicy", "ecr:TagResource"]
)
def test_nothing_that_deletes_or_configures(action: str) -> None:
    assert not allowed(member_role(Access="push"), action, f"{REPOSITORY}ci/acme/shop")


def test_only_the_repositories_that_are_named() -> None:
    role = member_role(Access="push", AlsoPull="base/*")
    assert allowed(role, "ecr:PutImage", f"{REPOSITORY}releases/shop")
    assert not allowed(role, "ecr:PutImage", f"{REPOSITORY}releases/shop-2")
    assert not allowed(role, "ecr:PutImage", f"{REPOSITORY}other")
    assert not allowed(role, "ecr:PutImage", f"{REPOSITORY}base/python")
    assert allowed(role, "ecr:BatchGetImage", f"{REPOSITORY}base/python")
    assert not allowed(role, "ecr:BatchGetImage", f"{REPOSITORY}other")


def test_only_in_its_own_account() -> None:
    elsewhere = "arn:aws:ecr:eu-west-1:999999999999:repository/ci/acme/shop"
    assert not allowed(member_role(Access="push"), "ecr:PutImage", elsewhere, resource_account="999999999999")


def test_login_is_always_possible() -> None:
    assert allowed(member_role(), "ecr:GetAuthorizationToken", "*")


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b"])
def test_repositories_of_any_partition_are_allowed(partition: str) -> None:
    role = member_role(Access="push", AlsoPull="base/*")
    repository = f"arn:{partition}:ecr:some-region-1:111122223333:repository/"
    for name in ("ci/acme", "releases/shop"):
        assert allowed(role, "ecr:PutImage", f"{repository}{name}")
    assert allowed(role, "ecr:BatchGetImage", f"{repository}base/python")
    assert not allowed(role, "ecr:BatchGetImage", f"{repository}other")


@pytest.mark.parametrize(
    ("name", "taken"),
    [("ci/*", True), ("ci/acme", True), ("*", False), ("ci/*/x", False), ("CI/*", False), ("", False), ("/x", False)],
)
def test_repositories_are_names_or_prefixes(name: str, *, taken: bool) -> None:
    pattern = text(load(TEMPLATE), "Parameters", "Repositories", "AllowedPattern")
    assert bool(re.search(pattern, name)) is taken


def test_a_boundary_is_set_where_one_is_given() -> None:
    given = {"BrokerRoleArns": account.SERVICE_ROLE, "Repositories": "ci/*"}
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    assert "PermissionsBoundary" not in Stack(TEMPLATE, given).resource("RegistryRole")
    bounded = Stack(TEMPLATE, given | {"PermissionsBoundaryArn": boundary})
    assert bounded.resource("RegistryRole")["PermissionsBoundary"] == boundary
