"""The scripts that run before there is a Python of the project's."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [*sorted((ROOT / "requirements").glob("*.sh")), ROOT / ".ci/run", ROOT / ".ci/bare-machine"]


@pytest.mark.program("shellcheck")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: str(script.name))
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: str(script.name))
def test_a_script_can_be_run_by_its_path(script: Path) -> None:
    assert script.stat().st_mode & 0o111 == 0o111


def test_the_bare_machine_has_only_what_the_readme_names() -> None:
    readme, script = (ROOT / "README.md").read_text(), (ROOT / ".ci/bare-machine").read_text()
    (line,) = [line for line in readme.splitlines() if line.startswith("You need `make`")]
    included = script.partition("--include=")[2].split()[0].split(",")
    # Debian's curl trusts no server without the certificates.
    assert all(f"`{name}`" in line for name in included if name != "ca-certificates")
