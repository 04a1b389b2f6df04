"""The check of a policy before it is deployed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import write_policy
from tests.docs.pages import ROOT
from tests.loading.documents import grant


def checked(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "deploy/check_policy.py", path], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(("names", "counted"), [(["a"], "1 grant"), (["a", "b"], "2 grants")])
def test_a_policy_that_loads_is_counted(tmp_path: Path, names: list[str], counted: str) -> None:
    path = write_policy(tmp_path, *(grant(name=name) for name in names))
    path.write_text(path.read_text().replace(".example", ".invalid"))
    done = checked(path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(f" loads: {counted}")


def test_a_hidden_character_keeps_a_policy_from_deployment(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"version: 1 # \r grants: []\n")
    done = checked(path)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        "line 1, column 14: expected only visible characters, found a carriage return without a line feed"
        in done.stderr
    )
