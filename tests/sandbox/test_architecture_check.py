import platform
from pathlib import Path

import pytest

from sandbox import architecture_check
from sandbox.architecture_check import CannotRun, interpreter_for, main, skipped
from sandbox.lambda_build import machine_architecture


def test_without_qemu_the_check_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    with pytest.raises(CannotRun, match=r"qemu-aarch64-static is not installed.*qemu-user-static"):
        interpreter_for("arm64")


@pytest.mark.emulator
def test_this_machines_own_architecture_needs_no_qemu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    interpreter = interpreter_for(machine_architecture())
    assert (len(interpreter.command), interpreter.slower) == (1, 1)


@pytest.mark.parametrize(("skip_nothing", "status"), [("", 0), ("1", 1)])
def test_a_skip_is_loud_and_fails_where_ci_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], skip_nothing: str, status: int
) -> None:
    monkeypatch.setenv("TESTS_SKIP_NOTHING", skip_nothing)
    assert skipped(CannotRun("qemu is missing")) == status
    assert "SKIPPED, the layer was not run: qemu is missing" in capsys.readouterr().err


def test_without_a_build_the_check_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(architecture_check, "BUILD", tmp_path / "none")
    assert main() == 1
    assert "run `make build`" in capsys.readouterr().err
