import json
from pathlib import Path

import pytest

from sandbox.loopback import PortBusy, listen
from sandbox.service import Service, ServiceFailed

from .wire import send

TOY = "tests.sandbox.toy_app:handler"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_the_handler_runs_only_in_the_given_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("TOKEN_EXCHANGE_POLICY", "file:elsewhere.yaml")
    log = tmp_path / "log"
    with log.open("wb") as output, Service({"AWS_REGION": "eu-west-1"}, handler=TOY, output=output) as service:
        answer = send(f"{service.url}/v1/x")
        # Written before the answer left: no waiting for it.
        assert [json.loads(line)["path"] for line in log.read_text().splitlines()] == ["/v1/health", "/v1/x"]
    found = json.loads(answer.body)
    assert found["AWS_REGION"] == "eu-west-1"
    assert "AWS_PROFILE" not in found
    assert "TOKEN_EXCHANGE_POLICY" not in found


def test_the_process_ends_with_the_service(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as output:
        service = Service({}, handler=TOY, output=output)
        service.close()
    with pytest.raises(ConnectionRefusedError):
        send(f"{service.url}/")
    with listen(service.port):
        pass  # the port is free again


def test_a_handler_that_does_not_start_is_reported(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output, pytest.raises(ServiceFailed, match=r"ended with status 1|does not answer"):
        Service({"TOY_APP_FAILS": "1"}, handler=TOY, output=output, errors=output)
    assert "the start failed, on request" in log.read_text()


def test_a_busy_port_is_reported_before_anything_starts() -> None:
    with listen(0) as taken, pytest.raises(PortBusy):
        Service({}, port=taken.getsockname()[1], handler=TOY)
