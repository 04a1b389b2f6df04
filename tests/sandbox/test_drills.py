"""Each drill follows the runbook's own commands, and jobs work again in the time that the page can promise."""

import pytest

from sandbox.drills import runbook
from sandbox.drills.command import main, run
from sandbox.drills.drills import DRILLS
from sandbox.drills.runbook import DrillFailed, command, document

MOST_MINUTES = {
    "all-denied": 20,
    "issuer-down": 15,
    "key-compromise": 40,
    "kill-switch": 3,
    "region-lost": 1,
    "sts-throttled": 1,
    "table-lost": 20,
}


def test_every_drill_has_its_time() -> None:
    assert MOST_MINUTES.keys() == DRILLS.keys()


@pytest.mark.aws_cli
@pytest.mark.parametrize("name", DRILLS)
def test_a_drill_ends_with_jobs_that_work(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    minutes = run(name)
    assert minutes <= MOST_MINUTES[name]
    assert "✓" in capsys.readouterr().out.splitlines()[-1]


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
