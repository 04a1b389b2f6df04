import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from sandbox import demo
from sandbox.__main__ import main

# The process that started the tests may ignore Ctrl-C, as a shell does for background jobs.
FROM_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "sandbox", *sys.argv[1:]])
"""


def _run(
    *arguments: str, folder: Path, timeout_seconds: float = 60, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_seconds,
    )


def test_the_demo_passes_all_its_checks(tmp_path: Path) -> None:
    # Where only ASCII can be written; the demo of one system runs where everything can.
    done = _run("demo", folder=tmp_path, LC_ALL="POSIX", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "  ok no role was assumed for this request\n" in done.stdout
    assert "arn:aws:ecr:eu-west-1:111122223333:repository/ci/acme/shop/*" in done.stdout
    assert "no-matching-grant" in done.stdout
    assert "All checks passed" in done.stdout
    assert "eyJ" not in done.stdout, "no token is shown"
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(("command", "first_line"), [("demo", "Started on this machine"), ("load", None)])
def test_ctrl_c_stops_it_without_a_traceback(tmp_path: Path, command: str, first_line: str | None) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", FROM_A_TERMINAL, command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if first_line is None:
        _wait_for_files(tmp_path)
    else:
        assert running.stdout is not None
        assert running.stdout.readline().startswith(first_line)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, "\nstopped\n")
    assert not list(tmp_path.glob("load-*"))


def _wait_for_files(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not any(folder.glob("load-*/*")):
        assert time.monotonic() < deadline


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".sandbox").mkdir(mode=0o500)
    done = _run("demo", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("sandbox: cannot use ")
    assert done.stderr.count("\n") == 1


def test_a_token_is_printed_for_the_issuer_that_serve_runs(tmp_path: Path) -> None:
    done = _run("tokens", "gitlab", "--scenario", "tag", "--claim", "x=[1]", folder=tmp_path)
    claims = jwt.decode(done.stdout.strip(), options={"verify_signature": False})
    assert claims["iss"] == "https://localhost:8443/gitlab"
    assert claims["ref_type"] == "tag"
    assert claims["x"] == [1]


def test_the_demo_shows_the_jobs_of_one_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo.main(["--provider", "bitrise"]) == 0
    shown = capsys.readouterr().out
    assert "repository/bitrise/62d8f1a4b07c93e5/*" in shown
    assert "untrusted-trigger" in shown
    assert "github" not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["demo", "fast"],
        ["demo", "--provider", "jenkinsfile"],
        ["tokens", "unknown"],
        ["tokens", "gitlab", "--scenario", "nothing"],
    ],
)
def test_wrong_use_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sandbox", *arguments])
    with pytest.raises(SystemExit) as ended:
        sys.exit(main())
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert printed.err
