"""A restored state table gets its guard back: the script over the wire."""

import json
from collections.abc import Iterator

import boto3
import pytest

from sandbox.loopback import HOST, Answer, Request, Server
from tests.deploy.cloudformation import Stack, at, text
from tests.deploy.scripts import run_script

TABLE_ARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/state"
EXCHANGE = "arn:aws:iam::111122223333:role/token-exchange"
REFRESHER = "arn:aws:iam::111122223333:role/refresher-role"
ROLES = ("--exchange-role", EXCHANGE, "--refresher-role", REFRESHER)


class Restored:
    """DynamoDB with a table that a restore has made."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, object]]] = []
        self.refuses = ""

    def answer(self, request: Request) -> Answer:
        name = str(request.header("x-amz-target")).partition(".")[2]
        self.calls.append((name, json.loads(request.body)))
        if name == self.refuses:
            refusal = {"__type": "com.amazonaws.dynamodb.v20120810#AccessDeniedException", "message": "not allowed"}
            return Answer(status=400, body=json.dumps(refusal).encode())
        answers: dict[str, object] = {
            "DescribeTable": {"Table": {"TableName": "state", "TableArn": TABLE_ARN}},
            "DescribeTimeToLive": {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}},
        }
        return Answer(body=json.dumps(answers.get(name, {})).encode())

    def sent(self, name: str) -> dict[str, object]:
        """Return the only call of this operation."""
        (found,) = (body for called, body in self.calls if called == name)
        return found


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Restored]:
    restored = Restored()
    with Server(restored.answer) as server:
        environment = {
            "AWS_ENDPOINT_URL": f"http://{HOST}:{server.port}",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "ASIAGUARD",
            "AWS_SECRET_ACCESS_KEY": "opens-nothing",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        # Another test's session has that test's credentials.
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        yield restored


def test_a_restored_table_is_guarded_as_the_template_says(table: Restored, capsys: pytest.CaptureFixture[str]) -> None:
    done = run_script("guard_table.py", "state", *ROLES, capsys=capsys)
    assert (done.status, done.err) == (0, "")
    guard = table.sent("PutResourcePolicy")
    stack = Stack(
        "template.yaml",
        {"BrokerRoleName": "token-exchange"},
        attributes={"RefreshKeysRole.Arn": REFRESHER},
    )
    declared = stack.resource("StateTable")
    assert json.loads(text(guard, "Policy")) == at(declared, "ResourcePolicy", "PolicyDocument")
    assert guard["ResourceArn"] == TABLE_ARN
    # Nothing may be written before the guard is there.
    assert [name for name, _ in table.calls][:2] == ["DescribeTable", "PutResourcePolicy"]
    assert at(table.sent("UpdateTimeToLive"), "TimeToLiveSpecification") == declared["TimeToLiveSpecification"]
    assert table.sent("UpdateTable")["DeletionProtectionEnabled"] is True
    backups = table.sent("UpdateContinuousBackups")
    assert at(backups, "PointInTimeRecoverySpecification") == declared["PointInTimeRecoverySpecification"]
    assert table.sent("TagResource")["Tags"] == declared["Tags"]


def test_a_refusal_of_aws_is_reported(table: Restored, capsys: pytest.CaptureFixture[str]) -> None:
    table.refuses = "PutResourcePolicy"
    done = run_script("guard_table.py", "state", *ROLES, capsys=capsys)
    assert (done.status, done.out) == (1, "")
    assert "state: not guarded yet, run this again:" in done.err
    assert "not allowed" in done.err


def test_a_role_that_is_none_is_refused_before_anything_is_done(
    table: Restored, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_script(
        "guard_table.py", "state", "--exchange-role", "exchange", "--refresher-role", REFRESHER, capsys=capsys
    )
    assert done.status == 2
    assert "expected the ARN of a role, found 'exchange'" in done.err
    assert table.calls == []
