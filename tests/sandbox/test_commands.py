import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest


def _run(*arguments: str, folder: Path, timeout_seconds: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_seconds,
    )


def test_the_demo_holds_what_it_shows(tmp_path: Path) -> None:
    done = _run("demo", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "arn:aws:ecr:eu-west-1:111122223333:repository/ci/acme/shop/*" in done.stdout
    assert "no-matching-grant" in done.stdout
    assert "eyJ" not in done.stdout, "no token is shown"
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_token_is_printed_for_the_issuer_that_serve_runs(tmp_path: Path) -> None:
    done = _run("tokens", "gitlab", "--scenario", "tag", "--claim", "x=[1]", folder=tmp_path)
    claims = jwt.decode(done.stdout.strip(), options={"verify_signature": False})
    assert claims["iss"] == "https://localhost:8443/gitlab"
    assert claims["ref_type"] == "tag"
    assert claims["x"] == [1]


def test_the_demo_shows_the_jobs_of_one_system(tmp_path: Path) -> None:
    done = _run("demo", "--provider", "bitrise", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "repository/bitrise/62d8f1a4b07c93e5/*" in done.stdout
    assert "untrusted-trigger" in done.stdout
    assert "github" not in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["demo", "fast"],
        ["demo", "--provider", "jenkinsfile"],
        ["tokens", "nobody"],
        ["tokens", "gitlab", "--scenario", "nothing"],
    ],
)
def test_wrong_use_is_explained(tmp_path: Path, arguments: list[str]) -> None:
    done = _run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr
