import io
from pathlib import Path

import pytest

from deploy_check import emulator
from deploy_check.emulator import AwsEmulator, EmulatorFailed


def test_without_an_emulator_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "PROGRAM", tmp_path / "none")
    with pytest.raises(EmulatorFailed, match="make deploy-check"):
        AwsEmulator(output=io.BytesIO())


def test_an_emulator_that_ends_at_once_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ministack"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(emulator, "PROGRAM", program)
    with (tmp_path / "log").open("wb") as log, pytest.raises(EmulatorFailed, match="does not start"):
        AwsEmulator(output=log)


def test_it_listens_only_on_loopback_and_checks_every_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that it gets: by itself it listens on every interface, and on fixed ports for devices."""
    program = tmp_path / "ministack"
    program.write_text(f"#!/bin/sh\nenv >{tmp_path / 'env'}\n")
    program.chmod(0o755)
    monkeypatch.setattr(emulator, "PROGRAM", program)
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    with (tmp_path / "log").open("wb") as log, pytest.raises(EmulatorFailed):
        AwsEmulator(output=log)
    given = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert given["BIND_HOST"] == "127.0.0.1"
    assert (given["IOT_MTLS_ENABLED"], given["SFTP_ENABLED"]) == ("0", "0")
    assert given["AUTH"] == "true"
    assert "AWS_PROFILE" not in given
