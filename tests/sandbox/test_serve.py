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
    ports = ["--port", str(port), "--issuer-port", str(issuer_port), "--aws-port", "0"]
    return [sys.executable, "-m", "sandbox", "serve", "--folder", str(folder), *ports]


@pytest.mark.parametrize(
    ("number", "chosen", "scenario"),
    [
        (signal.SIGINT, [], "/mint/github-actions?audience=https%3A%2F%2Fexchange.acme.example&scenario=push-feature"),
        (signal.SIGTERM, ["--provider", "bitrise"], "/mint/bitrise?"),
    ],
)
def test_it_serves_until_it_is_told_to_stop(
    tmp_path: Path, number: signal.Signals, chosen: list[str], scenario: str
) -> None:
    log = tmp_path / "audit.jsonl"
    serving = subprocess.Popen(
        [*_command(tmp_path / "state", port=0), *chosen, "--handler", TOY, "--log", str(log)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert serving.stdout is not None
    with serving.stdout as output:
        told = ""
        while "Ctrl-C" not in told:
            line = output.readline()
            assert line, told
            told += line
        url = next(word for word in told.split() if word.startswith("http://127.0.0.1:"))
        assert send(f"{url}/v1/x").status == 200
        serving.send_signal(number)
        assert serving.wait(timeout=20) == 0
        assert output.read().strip() == "stopped"
    assert json.loads(log.read_text().splitlines()[-1]) == {"path": "/v1/x"}
    for wanted in (scenario, "/v1/health", "--config -", "/v1/token"):
        assert wanted in told


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
