"""The check of a new version with the real handlers: the probe asks the version itself for a login and a refusal."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

from check_version import check
from probe import doors, probe
from sandbox.aws.server import AwsFault
from sandbox.loopback import HOST, Answer, Request, Server
from tests.fake_clock import FakeClock
from tests.service.front import Front, Log, context
from tests.service.probed import probed_handler, put_new_key
from token_exchange.adapters.settings import read_settings
from token_exchange.core.ports import Json
from token_exchange.service import start

VERSION = "arn:aws:lambda:eu-west-1:111122223333:function:exchange:7"
PROBE = "arn:aws:lambda:eu-west-1:111122223333:function:probe"
DEPLOYMENT = {"DeploymentId": "d-ABC123", "LifecycleEventHookExecutionId": "eyJ"}


class Functions:
    """Lambda, which invokes handlers by their names, and CodeDeploy, which is told the result."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[object], object]] = {}
        self.statuses: list[Json] = []

    def answer(self, request: Request) -> Answer:
        if "CodeDeploy" in (request.header("x-amz-target") or ""):
            self.statuses.append(json.loads(request.body)["status"])
            return Answer(body=b"{}")
        name = unquote(request.url.path.split("/")[3])
        if name not in self.handlers:
            unknown = (("X-Amzn-ErrorType", "ResourceNotFoundException"),)
            return Answer(status=404, headers=unknown, body=b'{"Message": "Function not found"}')
        try:
            result = self.handlers[name](json.loads(request.body))
        except Exception as error:  # noqa: BLE001 - Lambda's answer for any
            crash = {"errorMessage": str(error), "errorType": type(error).__name__}
            return Answer(headers=(("X-Amz-Function-Error", "Unhandled"),), body=json.dumps(crash).encode())
        return Answer(body=json.dumps(result).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploying:
    """A deployment of a version, and its check."""

    functions: Functions
    check: check.VersionCheck

    def refusal(self) -> str:
        """Return why the version gets no requests; CodeDeploy is told so."""
        with pytest.raises(check.VersionRefused) as refused:
            self.check(DEPLOYMENT, None)
        assert self.functions.statuses == ["Failed"]
        return str(refused.value)


@pytest.fixture
def deploying(front: Front, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploying]:
    functions = Functions()
    with probed_handler(front.backends, environment) as (handler, settings), Server(functions.answer) as server:
        url = f"http://{HOST}:{server.port}"
        of_functions = {"AWS_ENDPOINT_URL_LAMBDA": url, "AWS_ENDPOINT_URL_CODEDEPLOY": url}
        variables = {**settings, **of_functions, "NEW_VERSION": VERSION, "PROBE_FUNCTION": PROBE}
        # Nothing that jobs reach: the version has no requests yet.
        for name, value in (variables | {"TOKEN_EXCHANGE_URL": ""}).items():
            monkeypatch.setenv(name, value)
        asked = probe.start()
        functions.handlers = {VERSION: lambda event: handler(event, context()), PROBE: lambda event: asked(event, None)}
        yield Deploying(functions=functions, check=check.start())


def test_a_version_that_grants_and_refuses_gets_requests(
    front: Front, deploying: Deploying, log: Callable[[], Log]
) -> None:
    front.backends.aws.forget_requests()
    log()
    found = deploying.check(DEPLOYMENT, None)
    assert found == {"checked": VERSION, "health": "200", "exchange": "granted 200, refused 401 bad-signature"}
    assert deploying.functions.statuses == ["Succeeded"]
    written = log()
    assert [line["decision"] for line in written.audit] == ["granted", "rejected"]
    # The alarm on the probe is about the address that jobs use.
    assert not [line for line in written.metrics if "ProbeSucceeded" in line]
    assert front.calls() == ["secretsmanager:GetSecretValue", "sts:AssumeRole", "ecr:GetAuthorizationToken"]


def test_a_version_whose_policy_cannot_be_read_gets_none(
    deploying: Deploying, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOKEN_EXCHANGE_POLICY", f"file:{tmp_path / 'policy.yaml'}")
    broken = start(str(Path(__file__)))
    deploying.functions.handlers[VERSION] = lambda event: broken(event, context())
    assert "expected health 200, found 503" in deploying.refusal()


def test_a_version_whose_policy_lacks_the_probe_gets_none(
    deploying: Deploying, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_EXCHANGE_POLICY", environment["TOKEN_EXCHANGE_POLICY"])
    other = start(str(Path(__file__)))
    deploying.functions.handlers[VERSION] = lambda event: other(event, context())
    assert f"the probe: the audience of {probe.ISSUER}: 404 not-found" in deploying.refusal()


@pytest.mark.parametrize(
    ("operation", "found"),
    [("sts:AssumeRole", "502 role-refused"), ("ecr:GetAuthorizationToken", "502 registry-refused")],
)
def test_a_version_whose_role_is_refused_gets_none(
    front: Front, deploying: Deploying, operation: str, found: str
) -> None:
    front.backends.aws.faults.plan(operation, AwsFault(kind="access-denied"))
    assert deploying.refusal() == f"{VERSION}: the probe: expected a login, found {found}"


@pytest.mark.parametrize(("ahead_seconds", "reason"), [(3600, "not-yet-valid"), (-3600, "expired")])
def test_a_version_whose_clock_is_wrong_gets_none(deploying: Deploying, ahead_seconds: int, reason: str) -> None:
    # A probe that is an hour ahead is to the version what an hour behind is to itself.
    asked = probe.Probe(read_settings(os.environ), clock=FakeClock(now=time.time() + ahead_seconds))
    deploying.functions.handlers[PROBE] = lambda event: asked(event, None)
    assert deploying.refusal() == f"{VERSION}: the probe: expected a login, found 401 {reason}"


def test_a_version_with_other_keys_gets_none(front: Front, deploying: Deploying) -> None:
    put_new_key(front.backends)
    assert deploying.refusal() == f"{VERSION}: the probe: expected a login, found 401 bad-signature"


def test_a_version_that_accepts_forged_tokens_gets_none(deploying: Deploying) -> None:
    honest = deploying.functions.handlers[VERSION]

    def accepting(event: object) -> object:
        answer = honest(event)
        assert isinstance(answer, dict)
        return answer | {"statusCode": 200} if answer["statusCode"] == 401 else answer

    deploying.functions.handlers[VERSION] = accepting
    assert "expected a refusal of a forged token, found 200" in deploying.refusal()


def test_a_version_that_crashes_in_an_exchange_gets_none(deploying: Deploying) -> None:
    honest = deploying.functions.handlers[VERSION]

    def crashing(event: object) -> object:
        assert "/v1/token" not in json.dumps(event)
        return honest(event)

    deploying.functions.handlers[VERSION] = crashing
    assert deploying.refusal() == f"{VERSION}: the probe: /v1/token: Unhandled"


def test_a_version_that_cannot_be_invoked_gets_none(deploying: Deploying) -> None:
    deploying.functions.handlers[PROBE] = lambda _: doors.Version(f"{VERSION}0")("GET", "/v1/health")
    assert "the probe: /v1/health: no answer (ResourceNotFoundException: " in deploying.refusal()


@pytest.mark.parametrize("answer", [None, {}, {"granted": 200, "refused": 200, "reason": "x"}])
def test_an_unknown_answer_of_the_probe_is_a_refusal(deploying: Deploying, answer: Json) -> None:
    deploying.functions.handlers[PROBE] = lambda _: answer
    assert deploying.refusal() == f"{VERSION}: expected the answer of the probe"
