"""What the check makes in AWS, and that it removes it: against moto, with a `sam` that makes a stack of its own."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from moto.server import ThreadedMotoServer

from deploy.removal import Removal
from live_check.aws import AwsAccount
from live_check.issuer import ThrowAwayIssuer
from live_check.place import LiveCheckFailed
from token_exchange.loading.load import load_policy

REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's

# As SAM: a stack from the template, with what the real one keeps when it is deleted.
SAM = f"""import json, os, sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
build = Path(arguments["--template-file"]).parent
Path(__file__).with_name("asked.json").write_text(json.dumps(sys.argv[1:]))
Path(__file__).with_name("policy.yaml").write_text((build / "ExchangeFunction/exchange/policy.yaml").read_text())
assert (build / "RefreshKeysFunction/exchange/policy.yaml").exists()
resources = {{
    "Table": {{"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain", "Properties": {{
        "TableName": "live-check-state", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{{"AttributeName": "pk", "AttributeType": "S"}}],
        "KeySchema": [{{"AttributeName": "pk", "KeyType": "HASH"}}]}}}},
    "Log": {{"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain",
        "Properties": {{"LogGroupName": "live-check-log"}}}},
}}
outputs = {{"Url": {{"Value": "https://x.example"}}, "RoleArn": {{"Value": "arn:aws:iam::{ACCOUNT}:role/exchange"}}}}
def ask(service, method, path, body):
    connection = HTTPConnection(os.environ["AWS_ENDPOINT_URL"].partition("//")[2])
    signature = f"AWS4-HMAC-SHA256 Credential=x/20261122/{{arguments['--region']}}/{{service}}/aws4_request"
    headers = {{"Authorization": signature, "Content-Type": "application/x-www-form-urlencoded"}}
    connection.request(method, path, body, headers)
    assert connection.getresponse().status == 200
ask("s3", "PUT", f"/{{arguments['--s3-bucket']}}/code.zip", "x")
ask("cloudformation", "POST", "/", urlencode({{
    "Action": "CreateStack", "StackName": arguments["--stack-name"],
    "TemplateBody": json.dumps({{"Resources": resources, "Outputs": outputs}})}}))
"""


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def session(moto_url: str) -> Iterator[boto3.Session]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": moto_url,
            "AWS_ACCESS_KEY_ID": "AKIAOFTHETESTS000000",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
        }.items():
            patch.setenv(name, value)
        yield boto3.Session(region_name=REGION)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "build"
    for function in ("ExchangeFunction", "RefreshKeysFunction"):
        (folder / function / "exchange").mkdir(parents=True)
    (folder / "template.yaml").write_text("Resources: {}")
    return folder


@pytest.fixture
def sam(tmp_path: Path) -> Path:
    program = tmp_path / "sam"
    program.write_text(SAM)
    return program


@pytest.fixture
def made(session: boto3.Session, build: Path, sam: Path) -> Iterator[AwsAccount]:
    account = AwsAccount(
        session, base="live-check-0a1b", build=build, sam=[sys.executable, str(sam)], say=lambda _: None
    )
    yield account
    account.remove()


def remains(session: boto3.Session) -> list[str]:
    """Return whatever of a check is there; moto's memory is shared with others of this process."""
    stacks = session.client("cloudformation").describe_stacks()["Stacks"]
    repositories = session.client("ecr").describe_repositories()["repositories"]
    logs = session.client("logs").describe_log_groups()["logGroups"]
    names = [
        *(each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"),
        *(each["repositoryName"] for each in repositories),
        *(each["logGroupName"] for each in logs),
        *session.client("dynamodb").list_tables()["TableNames"],
        *(each["Name"] for each in session.client("s3").list_buckets()["Buckets"]),
    ]
    return [name for name in names if name.startswith("live-check-")]


def test_everything_created_is_removed(session: boto3.Session, made: AwsAccount) -> None:
    place = made.create(ThrowAwayIssuer())
    assert place.exchange_url == "https://x.example"
    assert urlsplit(place.registry_url).netloc == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    assert {place.own, place.other} <= {*remains(session)}
    assert session.client("iam").get_role(RoleName=made.names.measuring_role)
    assert {"live-check-state", "live-check-log", f"live-check-0a1b-{ACCOUNT}"} <= {*remains(session)}
    opened = made.open_session()
    assert opened.login.password
    assert opened.login.password not in repr(opened)
    assert made.remove() == []
    assert remains(session) == []


def test_the_policy_is_the_only_one_in_a_copy_of_the_build(
    session: boto3.Session, made: AwsAccount, build: Path, sam: Path
) -> None:
    made.create(ThrowAwayIssuer())
    content = sam.with_name("policy.yaml").read_bytes()
    policy = load_policy(content, name="policy.yaml", read_file=lambda name: b"")
    (grant,) = policy.grants
    assert grant.terms is not None
    assert grant.terms.role == f"arn:aws:iam::{ACCOUNT}:role/live-check-0a1b-push"
    assert not list(build.rglob("policy.yaml"))
    asked = json.loads(sam.with_name("asked.json").read_text())
    assert f"AssumableRoleArns={grant.terms.role}" in asked
    assert "--no-confirm-changeset" in asked


def test_leftovers_of_an_interrupted_check_are_removed_by_name(session: boto3.Session, made: AwsAccount) -> None:
    made.create(ThrowAwayIssuer())
    stacks = (made.names.repositories_stack, made.names.role_stack, made.names.base)
    removal = Removal(
        session, stacks=stacks, bucket=made.names.bucket, keeps_logs=False, unprotects=False, say=lambda _: None
    )
    assert removal.run() == []
    assert remains(session) == []


def test_nothing_to_remove_is_not_an_error(session: boto3.Session, made: AwsAccount) -> None:
    assert made.remove() == []


def test_a_failed_deployment_is_reported_and_its_bucket_removed(
    session: boto3.Session, made: AwsAccount, sam: Path
) -> None:
    sam.write_text("raise SystemExit(1)\n")
    with pytest.raises(LiveCheckFailed, match="sam deploy ended with status 1"):
        made.create(ThrowAwayIssuer())
    assert remains(session) == [f"live-check-0a1b-{ACCOUNT}"]
    assert made.remove() == []
    assert remains(session) == []


def test_a_failing_step_does_not_stop_the_next(session: boto3.Session, made: AwsAccount) -> None:
    made.create(ThrowAwayIssuer())
    tables = session.client("dynamodb")
    tables.update_table(TableName="live-check-state", DeletionProtectionEnabled=True)
    (left,) = made.remove()
    assert left.startswith("AWS::DynamoDB::Table live-check-state: ")
    assert remains(session) == ["live-check-state"]
    tables.update_table(TableName="live-check-state", DeletionProtectionEnabled=False)
    tables.delete_table(TableName="live-check-state")


def test_an_invalid_region_is_reported(session: boto3.Session, build: Path) -> None:
    with pytest.raises(LiveCheckFailed, match="expected an AWS region, found nowhere"):
        AwsAccount(boto3.Session(region_name="nowhere"), base="x", build=build, sam=[], say=lambda _: None)
