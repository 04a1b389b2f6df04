"""The check of a policy before it is deployed."""

from pathlib import Path

import pytest

from tests.cli.program import write_policy
from tests.deploy.scripts import run_script
from tests.loading.documents import grant


@pytest.mark.parametrize(("names", "counted"), [(["a"], "1 grant"), (["a", "b"], "2 grants")])
def test_a_policy_that_loads_is_counted(
    tmp_path: Path, names: list[str], counted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_policy(tmp_path, *(grant(name=name) for name in names))
    path.write_text(path.read_text().replace(".example", ".invalid"))
    done = run_script("check_policy.py", path, capsys=capsys)
    assert done.status == 0, done.err
    assert done.out.rstrip().endswith(f" loads: {counted}")


def test_a_hidden_character_keeps_a_policy_from_deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"version: 1 # \r grants: []\n")
    done = run_script("check_policy.py", path, capsys=capsys)
    assert (done.status, done.out) == (1, "")
    assert (
        "line 1, column 14: expected only visible characters, found a carriage return without a line feed" in done.err
    )
