import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_check.__main__ import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing of AWS in the environment, also where another test's service has its variables there."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Set the signals' handlers back: the check ends in an orderly way."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_program_starts() -> None:
    command = [sys.executable, "-m", "live_check", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert "--region" in done.stdout


def test_without_a_region_nothing_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--remove", "live-check-0a1b2c3d"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "live-check: no region: expected --region or AWS_REGION\n" * 2)


@pytest.mark.parametrize("region", ["eu-west-1", "nowhere"])
def test_without_an_account_nothing_is_made(region: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--region", region, "--yes"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("live-check: no AWS account: " if region == "eu-west-1" else "live-check: expected")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--what"], "region"),
        *(
            (["--region", "eu-west-1", "--remove", name], "expected the name of a check")
            for name in ("ecr-token-exchange", "live-check-", "live-check-0a1b2c3d-role", "LIVE-CHECK-0a1b2c3d")
        ),
    ],
)
def test_wrong_use_is_explained(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
