"""The Makefile: when an environment counts as made, and what its targets pass on."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PREREQUISITES = ("requirements/dev.txt", "layers/token_exchange/requirements.txt", "pyproject.toml")

pytestmark = pytest.mark.program("make")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make as much of a checkout as the rule for the environment needs, in a path with a space."""
    folder = tmp_path / "a checkout"
    for name in (*PREREQUISITES, ".tools/bin/uv", ".venv/stamp"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))
    (folder / ".venv/stamp").write_text(f"{folder}\n")
    (folder / ".venv/bin").mkdir()
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def planned(checkout: Path, *arguments: str, **variables: str) -> str:
    """Return what make would run."""
    done = subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=checkout,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_environment_that_is_made_is_kept(checkout: Path) -> None:
    assert "make-environment" not in planned(checkout, "setup")


def test_an_environment_of_another_path_is_made_again(checkout: Path) -> None:
    moved = checkout.rename(checkout.with_name("moved"))
    for target in ("setup", "demo", "test"):
        assert "make-environment.sh .tools/bin/uv .venv requirements/dev.txt 3.13 3.12" in planned(moved, target)


def test_an_environment_without_its_python_is_made_again(checkout: Path) -> None:
    python = checkout / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nonexistent/python3.13")
    assert "make-environment" in planned(checkout, "demo")


def test_a_stamp_without_a_path_is_not_trusted(checkout: Path) -> None:
    (checkout / ".venv/stamp").write_text("")
    assert "make-environment" in planned(checkout, "setup")


def test_serve_passes_its_flags_on(checkout: Path) -> None:
    assert planned(checkout, "serve", "SERVE_FLAGS=--port 8090").rstrip().endswith("-m sandbox serve  --port 8090")


@pytest.mark.parametrize("target", ["release-check", "sam-image", "sam-build", "deploy", "live-check"])
def test_no_path_is_cut_at_a_space(checkout: Path, target: str) -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        (checkout / "requirements" / lock.name).touch()
    words = shlex.split(planned(checkout, target).replace("\\\n", " "))
    assert len(words) > 2
    assert [word for word in words if word.startswith("checkout")] == []


def test_the_core_tests_cover_the_deciding_code(checkout: Path) -> None:
    plan = planned(ROOT, "test-core")
    for folder in ("core", "issuer_keys", "loading", "presets", "http", "reporting"):
        assert f"tests/{folder}" in plan
        assert (ROOT / "tests" / folder).is_dir()
    assert "tests/test_fences.py" in plan
