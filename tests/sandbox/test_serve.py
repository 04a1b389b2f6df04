import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.loopback import listen

from .wire import send

ROOT = Path(__file__).parents[2]
TOY = "tests.sandbox.toy_app:handler"


def _command(folder: Path, *, port: int, issuer_port: int = 0) -> list[str]:
    ports = ["--port", str(port), "--issuer-port", str(issuer_port), "--aws-port", "0", "--registry-port", "0"]
    return [sys.executable, "-m", "sandbox", "serve", "--folder", str(folder), *ports]


@pytest.mark.parametrize(
    ("number", "chosen", "scenario"),
    [
        (signal.SIGINT, [], "/mint/github-actions?audience=https%3A%2F%2Fexchange.acme.example&scenario=push-feature"),
        (signal.SIGTERM, ["--provider", "bitrise"], "/mint/bitrise?"),
    ],
)
def test_it_serves_until_it_is_interrupted(
    tmp_path: Path, number: signal.Signals, chosen: list[str], scenario: str
) -> None:
    log = tmp_path / "audit.jsonl"
    serving = subprocess.Popen(
        [*_command(tmp_path / "a state", port=0), *chosen, "--handler", TOY, "--log", str(log)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert serving.stdout is not None
    with serving.stdout as output:
        printed = ""
        while "Ctrl-C" not in printed:
            line = output.readline()
            assert line, printed
            printed += line
        url = next(word for word in printed.split() if word.startswith("http://127.0.0.1:"))
        assert send(f"{url}/v1/x").status == 200
        serving.send_signal(number)
        assert serving.wait(timeout=20) == 0
        assert output.read().strip() == "stopped"
    assert json.loads(log.read_text().splitlines()[-1]) == {"path": "/v1/x"}
    ca_bundle = f"--cacert '{tmp_path}/a state/ca.pem'"
    for wanted in (scenario, "/v1/health", "| curl -sS -H @- -X POST", "/v1/token", ca_bundle):
        assert wanted in printed


@pytest.mark.registry
@pytest.mark.engine
def test_the_printed_commands_push_to_a_real_registry(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*_command(tmp_path / "a state", port=0), "--log", str(tmp_path / "log")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        printed = _printed(serving)
        start = (
            printed.index("Push with such a login; the last command pushes to another repository and is refused") + 1
        )
        lines = printed[start : printed.index("", start)]
        refused = lines.pop()
        try:
            done = [_paste("\n".join(lines), tmp_path), _paste(refused, tmp_path)]
        finally:
            for word in refused.split()[-1:] + lines[-1].split()[-1:]:
                _paste(f"docker rmi {word}", tmp_path)
            serving.send_signal(signal.SIGINT)
    assert done[0].returncode == 0, done[0].stderr
    assert "digest: sha256:" in done[0].stdout
    assert done[1].returncode != 0
    assert "denied: User: arn:aws:sts::111122223333:assumed-role/ci-ecr-push/" in done[1].stderr


def _printed(serving: "subprocess.Popen[str]") -> list[str]:
    """Return what it prints before it waits."""
    assert serving.stdout is not None
    return [line.strip() for line in iter(serving.stdout.readline, "Press Ctrl-C to stop\n")]


def _paste(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def test_without_a_registry_program_the_rest_is_served(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    with subprocess.Popen(
        [*_command(tmp_path / "a state", port=0), "--handler", TOY, "--log", str(tmp_path / "log")],
        env={**os.environ, "PATH": str(programs), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        printed = _printed(serving)
        serving.send_signal(signal.SIGINT)
    assert "No registry to push to: docker-registry (CNCF Distribution) is not installed" in printed


@pytest.mark.parametrize("which", ["port", "issuer_port"])
def test_a_busy_port_is_named(tmp_path: Path, which: str) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        ports = {"port": 0, "issuer_port": 0, which: port}
        done = subprocess.run(
            [*_command(tmp_path, **ports), "--handler", TOY],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr
