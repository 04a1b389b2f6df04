"""What an installation adds to an environment: the command and its two packages, and no other name."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.record_commit import FILE, VARIABLE
from tests.docs.pages import ROOT


def wheel_of(checkout: Path, folder: Path, *, commit: str = "") -> zipfile.ZipFile:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    environment = {"PATH": "/usr/bin:/bin", VARIABLE: commit}
    done = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.iterdir()
    return zipfile.ZipFile(wheel)


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """Return the sources as an archive of them has them, as far as the wheel's commit is concerned."""
    folder = tmp_path / "unpacked"
    for name in ("pyproject.toml", "deploy/record_commit.py", "layers/token_exchange/token_exchange/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "cli/token_exchange_cli").mkdir(parents=True)
    (folder / "cli/token_exchange_cli/__init__.py").touch()
    return folder


def test_the_wheel_has_the_command_and_nothing_else(tmp_path: Path) -> None:
    with wheel_of(ROOT, tmp_path / "dist") as archive:
        names = archive.namelist()
        (entry_points,) = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
        assert archive.read(entry_points).decode() == (
            "[console_scripts]\ntoken-exchange = token_exchange_cli.main:main\n"
        )
    packages = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert packages == {"token_exchange", "token_exchange_cli"}


@pytest.mark.program("git")
def test_the_wheel_of_a_checkout_has_its_commit(unpacked: Path, tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=ada", "-c", "user.email=ada@acme.example"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "first"]):
        subprocess.run([*git, *arguments], cwd=unpacked, check=True)
    with wheel_of(unpacked, tmp_path / "clean") as archive:
        assert re.fullmatch(rb"[0-9a-f]{12}\n", archive.read(FILE))
    with (unpacked / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    with wheel_of(unpacked, tmp_path / "changed") as archive:
        assert re.fullmatch(rb"[0-9a-f]{12}-dirty\n", archive.read(FILE))


@pytest.mark.program("git")
def test_another_projects_commit_is_not_recorded(unpacked: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    with wheel_of(unpacked, tmp_path / "dist") as archive:
        assert FILE not in archive.namelist()


def test_a_release_says_its_commit(tmp_path: Path) -> None:
    with wheel_of(ROOT, tmp_path / "dist", commit="0123456789ab") as archive:
        archive.extractall(tmp_path / "installed")
    imported = f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r})"
    command = [sys.executable, "-c", f"{imported}; from token_exchange_cli.main import main; main()", "--version"]
    # What is unpacked here is no part of the sources whose coverage is measured.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.endswith(" (commit 0123456789ab)\n")
