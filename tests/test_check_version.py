"""The check of a new version, over the wire: a version that answers, and CodeDeploy, which gets the result."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from check_version.check import HEALTH_EVENT, VersionRefused, start
from sandbox.loopback import HOST, Answer, Request, Server
from token_exchange.core.ports import Json
from token_exchange.http.event import read_event

VERSION = "arn:aws:lambda:eu-west-1:111122223333:function:exchange:7"
EVENT = {"DeploymentId": "d-ABC123", "LifecycleEventHookExecutionId": "eyJ"}


class TwoServices:
    """Lambda, which answers with `result`, and CodeDeploy."""

    def __init__(self) -> None:
        self.result: Json = {"statusCode": 200, "body": "{}"}
        self.crashes = self.is_forbidden = False
        self.invoked: list[tuple[str, Json]] = []
        self.told: list[Json] = []

    def answer(self, request: Request) -> Answer:
        body: Json = json.loads(request.body)
        if request.header("x-amz-target") == "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus":
            self.told.append(body)
            return Answer(body=json.dumps({"lifecycleEventHookExecutionId": "eyJ"}).encode())
        self.invoked.append((request.url.path, body))
        if self.is_forbidden:
            denied = (("X-Amzn-ErrorType", "AccessDeniedException"),)
            return Answer(status=403, headers=denied, body=b'{"Message": "not authorized"}')
        headers = (("X-Amz-Function-Error", "Unhandled"),) if self.crashes else ()
        return Answer(headers=headers, body=json.dumps(self.result).encode())


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoServices]:
    services = TwoServices()
    with Server(services.answer) as server:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{HOST}:{server.port}",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "ASIACHECK",
            "AWS_SECRET_ACCESS_KEY": "opens-nothing",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("NEW_VERSION", VERSION)
        yield services


def told(status: str) -> list[Json]:
    return [{"deploymentId": "d-ABC123", "lifecycleEventHookExecutionId": "eyJ", "status": status}]


def test_without_a_probe_health_is_enough_and_it_says_so(
    services: TwoServices, caplog: pytest.LogCaptureFixture
) -> None:
    assert start()(EVENT, None) == {"checked": VERSION, "health": "200", "exchange": "not checked"}
    ((path, sent),) = services.invoked
    assert path.endswith("/invocations")
    assert "exchange%3A7" in path
    assert sent == HEALTH_EVENT
    assert services.told == told("Succeeded")
    assert caplog.messages == [f"{VERSION}: only its health is checked: without ProbeSecretArn, there is no probe"]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"statusCode": 503, "body": '{"status":"policy-unavailable"}'}, "expected health 200, found 503: {"),
        ({"statusCode": "200"}, "expected the answer of an HTTP function"),
        (None, "expected the answer of an HTTP function"),
    ],
)
def test_a_version_that_is_not_well_gets_none(services: TwoServices, result: Json, said: str) -> None:
    services.result = result
    with pytest.raises(VersionRefused, match=re.escape(said)):
        start()(EVENT, None)
    assert services.told == told("Failed")


def test_a_version_that_crashes_gets_none(services: TwoServices) -> None:
    services.crashes, services.result = True, {"errorMessage": "No module named 'token_exchange'"}
    with pytest.raises(VersionRefused, match="does not start or crashes"):
        start()(EVENT, None)
    assert services.told == told("Failed")


def test_codedeploy_gets_a_result_even_if_lambda_refuses(services: TwoServices) -> None:
    services.is_forbidden = True
    with pytest.raises(ClientError, match="AccessDenied"):
        start()(EVENT, None)
    assert services.told == told("Failed")


def test_the_event_is_one_that_the_service_reads() -> None:
    request = read_event(dict(HEALTH_EVENT))
    assert (request.method, request.path) == ("GET", "/v1/health")


def test_a_check_without_a_version_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEW_VERSION", raising=False)
    with pytest.raises(ValueError, match="NEW_VERSION: expected the ARN of the version to check"):
        start()


def test_the_handler_is_this_check() -> None:
    program = (
        "from check_version.app import handler\n"
        "from check_version.check import VersionCheck\n"
        "assert isinstance(handler, VersionCheck)\n"
    )
    environment = os.environ | {"NEW_VERSION": VERSION, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
