"""No test depends on the environment it is started in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.isolation import foreign

ROOT = Path(__file__).parents[2]
HOSTILE = {
    "AWS_PROFILE": "prod",
    "AWS_REGION": "nowhere",
    "CI": "true",
    "HTTPS_PROXY": "http://proxy.acme.example:1",
    "LC_ALL": "de_DE.ISO-8859-1",
    "POWERTOOLS_DEV": "true",
    "PYTHONWARNINGS": "ignore",
    "SSL_CERT_FILE": "/nonexistent",
    "TOKEN_EXCHANGE_POLICY": "file:mine.yaml",
    "http_proxy": "http://proxy.acme.example:1",
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_variable_of_the_caller_does_not_count(name: str) -> None:
    assert foreign([name]) == {name}


@pytest.mark.parametrize("name", ["PATH", "HOME", "TMPDIR", "DOCKER_HOST", "PYTEST_XDIST_WORKER", "TESTS_SKIP_NOTHING"])
def test_variables_of_the_tests_are_kept(name: str) -> None:
    assert foreign([name]) == set()


def test_a_test_passes_in_a_hostile_environment() -> None:
    """One that asks AWS in this process, which a profile that is missing would keep from it."""
    test = "tests/service/test_success.py::test_the_login_reaches_exactly_what_the_answer_says"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        cwd=ROOT,
        env={**os.environ, **HOSTILE},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
