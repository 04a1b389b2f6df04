import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the check without an AWS account."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    no_account = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run(
        [sys.executable, "-m", "live_check", *arguments],
        cwd=ROOT,
        env=mine | no_account,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [[], ["--remove", "live-check-0a1b2c3d"], ["--what"]])
def test_wrong_use_is_explained_before_anything_is_made(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "region" in done.stderr


@pytest.mark.parametrize("region", ["eu-west-1", "nowhere"])
def test_without_an_account_nothing_is_made(region: str) -> None:
    done = run("--region", region, "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("live-check: no AWS account: " if region == "eu-west-1" else "live-check: expected")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "name", ["ecr-token-exchange", "live-check-", "live-check-0a1b2c3d-role", "LIVE-CHECK-0a1b2c3d"]
)
def test_only_resources_of_a_check_can_be_removed(name: str) -> None:
    done = run("--region", "eu-west-1", "--remove", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected the name of a check" in done.stderr
