"""Each drill follows the runbook's own commands, and jobs work again in the time that the page can promise."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.drills import runbook
from sandbox.drills.command import main, run
from sandbox.drills.control import PARAMETERS, REFRESHER, STACK, Actions, Control
from sandbox.drills.drills import DRILLS
from sandbox.drills.runbook import DrillFailed, command, document, section
from sandbox.drills.site import Kind, Site
from sandbox.loopback import Answer


def minutes_of_the_page() -> dict[str, int]:
    """Return the last column of the page's table of drills."""
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in section("Drills").splitlines()]
    return {row[0].strip("`"): int(row[-1]) for row in rows if len(row) == 3 and row[0] != "---" and row[0] != "drill"}


def test_every_drill_has_its_time_on_the_page() -> None:
    assert minutes_of_the_page().keys() == DRILLS.keys()


@pytest.mark.aws_cli
@pytest.mark.parametrize("name", DRILLS)
def test_a_drill_ends_with_jobs_that_work(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    spent = run(name)
    assert spent["documented"] + spent["assumed"] == minutes_of_the_page()[name]
    # Seconds, even on a busy machine.
    assert spent["measured"] < 1
    assert "✓" in capsys.readouterr().out.splitlines()[-1]


def test_what_was_measured_and_what_was_not_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[Kind, float] = {"measured": 0.1, "documented": 10, "assumed": 2}
    monkeypatch.setattr("sandbox.drills.command.run", lambda _: found)
    assert main(["kill-switch"]) == 0
    said = "kill-switch: jobs worked again after 12.1 min: 0.1 measured, 10.0 documented, 2.0 assumed"
    assert capsys.readouterr().out.splitlines()[-1] == said


# The services that the drills' commands use, where a runbook would go wrong.


@pytest.fixture
def control(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Run the services; yield what they did."""
    done: list[str] = []
    actions = Actions(
        refresh_keys=Answer,
        revert_drift=lambda: done.append("reverted"),
        put_role_policy=lambda role, _: done.append(role),
    )
    with Control(actions) as running:
        for name, value in {
            **running.variables,
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "ASIAOPERATOR",
            "AWS_SECRET_ACCESS_KEY": "opens-nothing",
        }.items():
            monkeypatch.setenv(name, value)
        yield done


def create_change_set(parameters: Sequence[str] = PARAMETERS) -> None:
    boto3.client("cloudformation").create_change_set(
        StackName=STACK,
        ChangeSetName="table",
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in parameters],
        DeploymentMode="REVERT_DRIFT",
    )


def test_a_change_set_that_would_not_help_is_refused(control: list[str]) -> None:
    with pytest.raises(ClientError, match="No updates are to be performed"):
        boto3.client("cloudformation").create_change_set(
            StackName=STACK, ChangeSetName="table", UsePreviousTemplate=True
        )
    with pytest.raises(ClientError, match="would get defaults: \\['AlarmTopicArn', 'PolicySource'\\]"):
        create_change_set(["AssumableRoleArns"])
    assert control == []


def test_a_change_set_is_carried_out_only_when_it_is_complete(control: list[str]) -> None:
    client = boto3.client("cloudformation")
    create_change_set()
    with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
        client.execute_change_set(StackName=STACK, ChangeSetName="table")
    create_change_set()
    client.get_waiter("change_set_create_complete").wait(StackName=STACK, ChangeSetName="table")
    client.execute_change_set(StackName=STACK, ChangeSetName="table")
    assert control == ["reverted"]


def test_another_function_or_operation_is_not_there(control: list[str]) -> None:
    with pytest.raises(ClientError, match="not supported here"):
        boto3.client("cloudformation").delete_stack(StackName=STACK)
    with pytest.raises(ClientError):
        boto3.client("lambda").invoke(FunctionName="another")
    assert control == []


@pytest.mark.aws_cli
def test_a_role_that_is_not_there_and_a_refresher_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.drills.site._REFRESH", "raise SystemExit('no policy')")
    with Site(tmp_path) as site:
        for line, said in (
            ("aws iam put-role-policy --role-name x --policy-name y --policy-document {}", "NoSuchEntity"),
            (f"aws lambda invoke --function-name {REFRESHER} /dev/stdout", "no policy"),
        ):
            with pytest.raises(DrillFailed, match=said):
                site.runs(line)


def test_an_unknown_drill_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["earthquake"]) == 2
    assert "there is no drill earthquake; use one of all-denied, " in capsys.readouterr().err


def test_a_runbook_that_lacks_its_command_fails_the_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DrillFailed, match="has no section Make coffee"):
        command("Make coffee", "aws")
    with pytest.raises(DrillFailed, match="expected one command 'aws s3 rb', found 0"):
        command("Stop a pipeline now", "aws s3 rb")
    with pytest.raises(DrillFailed, match="expected one document 'release', found 0"):
        document("Stop a pipeline now", "release")


def test_without_the_aws_cli_a_drill_gives_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runbook, "AWS_CLI", runbook.ROOT / "nothing")
    assert main(["region-lost"]) == 1
    assert capsys.readouterr().err == "drill: region-lost: the AWS CLI is missing; run `make ci-systems`\n"
