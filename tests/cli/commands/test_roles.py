"""`roles`: a template that every account of the policy can take."""

import json
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.cli.program import run, write_policy
from tests.cli.roles.made import ACCOUNT, BROKER, printed, role_names, roles_in
from tests.deploy.cloudformation import Stack
from tests.loading.documents import Document, document, grant, without
from token_exchange.core.ports import Json

OTHER = "999988887777"
MOTOS_ACCOUNT = "123456789012"
HERE = f"arn:aws:iam::{ACCOUNT}:role/ci-reader"
THERE = f"arn:aws:iam::{OTHER}:role/teams/a/ci-reader"
REGISTRIES: Json = {
    "apps": {"type": "ecr", "account": ACCOUNT, "region": "eu-central-1"},
    "base": {"type": "ecr", "account": OTHER, "region": "us-east-1"},
    "public": {"type": "ecr-public", "account": ACCOUNT},
    "hub": {
        "type": "secret",
        "host": "docker.io",
        "secret_arn": f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:hub-a1B2c3",
    },
}
BOTH: tuple[Document, ...] = (
    grant(),
    grant(name="there", role=THERE, registry="base", access="push", external_id="one"),
    grant(name="direct", role=f"{HERE}-direct", assume="web-identity", match={"branch": "main"}),
    grant(name="public", role=f"{HERE}-public", registry="public", repositories=None),
    {"name": "stored", "issuers": ["github"], "registry": "hub"},
)


def test_each_account_makes_its_own_roles(tmp_path: Path) -> None:
    done = printed(tmp_path, *BOTH, registries=REGISTRIES)
    assert done.status == 0
    assert set(roles_in(ACCOUNT, done.out, tmp_path)) == {HERE, f"{HERE}-direct", f"{HERE}-public"}
    assert set(roles_in(OTHER, done.out, tmp_path)) == {THERE}
    assert not roles_in("123456789012", done.out, tmp_path)


def test_account_option_selects_roles(tmp_path: Path) -> None:
    done = printed(tmp_path, *BOTH, registries=REGISTRIES, options=("--account", OTHER))
    assert set(roles_in(OTHER, done.out, tmp_path)) == {THERE}
    assert not roles_in(ACCOUNT, done.out, tmp_path)
    assert ACCOUNT not in done.out.replace(BROKER, "")


def test_json_is_the_same_template(tmp_path: Path) -> None:
    asked = printed(tmp_path, *BOTH, registries=REGISTRIES, options=("--json",))
    written = printed(tmp_path, *BOTH, registries=REGISTRIES)
    path = tmp_path / "template"
    path.write_text(written.out)
    assert Stack(str(path), {}).template == asked.fields


def test_broker_is_a_parameter_by_default(tmp_path: Path) -> None:
    done = run("roles", write_policy(tmp_path, grant()))
    assert "BrokerRoleArns" in done.out
    (role,) = roles_in(ACCOUNT, done.out, tmp_path, BrokerRoleArns=f"{BROKER}-2,{BROKER}-3").values()
    assert {statement.principals for statement in role.trust.statements} == {(f"{BROKER}-2", f"{BROKER}-3")}
    assert "BrokerRoleArns" not in printed(tmp_path, grant()).out


def test_each_broker_of_the_options_is_trusted(tmp_path: Path) -> None:
    done = printed(tmp_path, grant(), options=("--broker-role", f"{BROKER}-2", "--broker-role", BROKER))
    (role,) = roles_in(ACCOUNT, done.out, tmp_path).values()
    assert {statement.principals for statement in role.trust.statements} == {(BROKER, f"{BROKER}-2")}
    china = "arn:aws-cn:iam::210987654321:role/exchange"
    done = printed(tmp_path, grant(), options=("--broker-role", china))
    assert (done.status, done.out) == (1, "")
    assert "--broker-role is in the partition aws-cn, the policy's roles are of aws" in done.err


def test_a_role_that_the_service_never_assumes_needs_no_broker(tmp_path: Path) -> None:
    direct = grant(assume="web-identity", match={"branch": "main"})
    assert "BrokerRoleArns" not in run("roles", write_policy(tmp_path, direct)).out


def test_permissions_boundary_is_a_parameter(tmp_path: Path) -> None:
    path = tmp_path / "template"
    path.write_text(printed(tmp_path, grant()).out)
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    for parameters, found in (({}, None), ({"PermissionsBoundaryArn": boundary}, boundary)):
        stack = Stack(str(path), parameters)
        (name,) = role_names(stack.template)
        assert stack.resource(name).get("PermissionsBoundary") == found


def test_logical_id_depends_only_on_the_role(tmp_path: Path) -> None:
    def names(*grants: Document) -> set[str]:
        fields = printed(tmp_path, *grants, registries=REGISTRIES, options=("--json",)).fields
        return set(role_names(fields))

    similar = grant(name="similar", role=f"arn:aws:iam::{ACCOUNT}:role/ci_reader")
    assert names(grant()) < names(grant(), similar) < names(similar, *BOTH)
    assert len(names(grant(), similar)) == 2


def test_template_is_valid_cloudformation(tmp_path: Path) -> None:
    long = [grant(name=f"g{'x' * 60}{number}", issuers=["gitlab"]) for number in range(40)]
    for name, options in (("a.yaml", ()), ("b.json", ("--json",))):
        done = run("roles", write_policy(tmp_path, *BOTH, *long, registries=REGISTRIES), *options)
        (tmp_path / name).write_text(done.out)
    run("roles", tmp_path / "policy.json", "--directory", tmp_path)
    lint = Path(sys.executable).with_name("cfn-lint")
    command = [str(lint), *(str(tmp_path / name) for name in ("a.yaml", "b.json", "roles-1.json"))]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.filterwarnings("ignore:Tried to parse AWS..CloudFormation..WaitConditionHandle")
def test_stack_is_the_same_in_each_account(tmp_path: Path) -> None:
    own = grant(name="own", role=f"arn:aws:iam::{MOTOS_ACCOUNT}:role/teams/own")
    done = printed(tmp_path, own, *BOTH, registries=REGISTRIES)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        client = boto3.client(
            "cloudformation",
            endpoint_url=f"http://{host}:{port}",
            region_name="eu-west-1",
            aws_access_key_id="ASIATEST",
            aws_secret_access_key="secret",
        )
        client.create_stack(StackName="roles", TemplateBody=done.out, Capabilities=["CAPABILITY_NAMED_IAM"])
        made = client.list_stack_resources(StackName="roles")["StackResourceSummaries"]
        client.delete_stack(StackName="roles")
    finally:
        server.stop()
    # moto lists what a condition leaves out, too, without an id.
    named = [(one["ResourceType"], one["PhysicalResourceId"]) for one in made if one["PhysicalResourceId"]]
    assert named == [("AWS::IAM::Role", "own")]


def test_report_mode_gets_a_role_and_expired_does_not(tmp_path: Path) -> None:
    late = grant(name="late", role=f"{HERE}-late", expires="2020-01-01")
    trial = grant(name="trial", role=f"{HERE}-trial", mode="report")
    done = printed(tmp_path, late, trial)
    assert set(roles_in(ACCOUNT, done.out, tmp_path)) == {f"{HERE}-trial"}
    assert "expired, so they get no role: late" in done.err


def test_report_mode_gets_no_direct_trust(tmp_path: Path) -> None:
    direct = grant(assume="web-identity", match={"branch": "main"})
    found = document()
    issuers = found["issuers"]
    assert isinstance(issuers, dict)
    github = issuers["github"]
    assert isinstance(github, dict)
    trial: Json = {**issuers, "github": {**github, "mode": "report"}}
    for one, entries in (({**direct, "mode": "report"}, issuers), (direct, trial)):
        done = printed(tmp_path, one, issuers=entries)
        assert (done.status, done.out) == (1, "")
        assert "in report mode, so no role trusts their tokens yet: reader" in done.err
    other = grant(name="other", issuers=["github", "gitlab"], assume="web-identity", match={"branch": "main"})
    done = printed(tmp_path, other, issuers=trial)
    assert "oidc-provider/gitlab.com" in done.out
    assert "token.actions.githubusercontent.com" not in done.out


def test_a_registry_of_another_account_is_remarked(tmp_path: Path) -> None:
    done = printed(tmp_path, grant(registry="base"), registries=REGISTRIES)
    assert f"(grant reader): the registry base is in account {OTHER}" in done.err
    assert printed(tmp_path, grant()).err == ""


def test_a_long_trust_policy_and_a_large_template_are_remarked(tmp_path: Path) -> None:
    many = [grant(name=f"n{number}", external_id=f"id-{number}") for number in range(9)]
    assert "its trust policy may need a higher quota than 2048 characters" in printed(tmp_path, *many).err
    many = [grant(name=f"n{number}", role=f"{HERE}-{number}") for number in range(60)]
    assert "more than 51200 bytes: upload it to S3" in printed(tmp_path, *many).err


@pytest.mark.parametrize(
    ("grants", "said"),
    [
        # the same name twice in one account
        ((grant(), grant(name="two", role=f"arn:aws:iam::{ACCOUNT}:role/teams/ci-reader")), "whatever their path"),
        ((grant(), grant(name="two", role=f"arn:aws:iam::{ACCOUNT}:role/CI-reader")), "whatever their path and case"),
        # more than a role holds
        ((grant(repositories=[f"{'x' * 90}-{number}" for number in range(150)]),), "but IAM accepts 10240"),
        # nothing to make
        (({"name": "stored", "issuers": ["github"], "registry": "hub"},), "no grant names a role"),
        ((grant(expires="2020-01-01"),), "no grant names a role"),
    ],
)
def test_impossible_roles_are_refused(tmp_path: Path, grants: tuple[Document, ...], said: str) -> None:
    done = printed(tmp_path, *grants, registries=REGISTRIES)
    assert (done.status, done.out) == (1, "")
    assert said in done.err


def test_account_without_roles_lists_the_others(tmp_path: Path) -> None:
    done = printed(tmp_path, *BOTH, registries=REGISTRIES, options=("--account", "123456789012"))
    assert (done.status, done.out) == (1, "")
    assert f"the policy's are in {ACCOUNT}, {OTHER}" in done.err


def test_partitions_are_not_mixed(tmp_path: Path) -> None:
    registries: Json = {
        "cn": {"type": "ecr", "account": OTHER, "region": "cn-north-1"},
        "apps": {"type": "ecr", "account": ACCOUNT, "region": "eu-central-1"},
    }
    china = grant(name="china", registry="cn", role=f"arn:aws-cn:iam::{OTHER}:role/ci-reader")
    done = printed(tmp_path, china, grant(), registries=registries)
    assert (done.status, done.out) == (1, "")
    assert "roles of several partitions (aws, aws-cn)" in done.err
    done = printed(tmp_path, china, registries=registries)
    assert done.status == 1
    assert "--broker-role is in the partition aws, the policy's roles are of aws-cn" in done.err
    done = run("roles", write_policy(tmp_path, china, registries=registries))
    assert f"arn:aws-cn:ecr:cn-north-1:{OTHER}:repository/base/*" in done.out


@pytest.mark.parametrize(
    "options",
    [
        ("--account", "12345678901"),
        ("--account", "\uff11" * 12),
        ("--broker-role", "exchange"),
        ("--broker-role", f"arn:aws:iam::{ACCOUNT}:role/*"),
        ("--broker-role", f"arn:aws:iam::{ACCOUNT}:root"),
        ("--broker-role", f"arn:aws:iam::{ACCOUNT}:role/x\n"),
    ],
)
def test_wrong_usage_is_reported(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run("roles", write_policy(tmp_path, grant()), *options)
    assert (done.status, done.out) == (2, "")


def test_invalid_policy_is_reported_with_its_places(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(without(document(), "grants[0].role")))
    done = run("roles", path)
    assert (done.status, done.out) == (2, "")
    assert "grants[0].role: missing" in done.err
