"""Which Python the environment is made of, with a uv that only notes what it is asked."""

from pathlib import Path

import pytest

from tests.requirements.package_index import BareMachine

SCRIPT = Path(__file__).parents[2] / "requirements" / "make-environment.sh"
UV = """#!/bin/sh
printf '%s\\n' "$*" >>asked
case "$1 $2" in
  "python find") for last; do :; done; case " $INSTALLED " in *" $last "*) exit 0 ;; esac; exit 1 ;;
  "pip sync") exit "${SYNC_STATUS:-0}" ;;
  "venv "*) exit "${VENV_STATUS:-0}" ;;
esac
exit 3
"""


@pytest.fixture
def machine(tmp_path: Path) -> BareMachine:
    folder = tmp_path / "a checkout"
    folder.mkdir()
    made = BareMachine(folder=folder)
    made.script("uv", UV)
    return made


def make(machine: BareMachine, **variables: str) -> tuple[int, list[str], list[str]]:
    """Return the status, what was said, and what was asked of uv after it looked for a Python."""
    done = machine.run("sh", SCRIPT, "uv", ".venv", "dev.txt", "3.13", "3.12", **variables)
    asked = (machine.folder / "asked").read_text().splitlines()
    return done.returncode, done.stderr.splitlines(), [line for line in asked if not line.startswith("python find")]


SYNC = "pip sync --quiet --python .venv/bin/python --require-hashes dev.txt"
PACKAGES = "setup: the packages of dev.txt, in .venv"


@pytest.mark.parametrize(
    ("installed", "version", "said"),
    [
        ("3.13 3.12", "3.13", []),
        ("3.12", "3.12", ["setup: Python 3.13 is not installed; .venv uses Python 3.12"]),
        ("", "3.13", ["setup: Python 3.13 is not installed; uv downloads it from GitHub's releases"]),
    ],
)
def test_the_first_version_that_is_installed_is_taken(
    machine: BareMachine, installed: str, version: str, said: list[str]
) -> None:
    venv = f"venv --quiet --no-project --python {version} .venv"
    assert make(machine, INSTALLED=installed) == (0, [*said, PACKAGES], [venv, SYNC])


def test_a_failed_download_gives_advice(machine: BareMachine) -> None:
    status, said, asked = make(machine, INSTALLED="", VENV_STATUS="2")
    assert status == 1
    assert "install Python 3.13, or set UV_PYTHON_INSTALL_MIRROR" in said[-1]
    assert SYNC not in asked


def test_unavailable_packages_give_advice(machine: BareMachine) -> None:
    status, said, _ = make(machine, INSTALLED="3.13", SYNC_STATUS="2")
    assert status == 1
    assert "UV_DEFAULT_INDEX" in said[-1]


def test_nothing_of_an_older_environment_is_left(machine: BareMachine) -> None:
    old = machine.folder / ".venv/bin/pytest"
    old.parent.mkdir(parents=True)
    old.touch()
    assert make(machine, INSTALLED="3.13")[0] == 0
    assert not old.exists()
