"""The probe asks the running service over HTTP, as a job does, and says plainly what does not work."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probe import probe
from probe.doors import ProbeFailed
from sandbox import account
from sandbox.aws.secrets_manager import Secret
from sandbox.aws.server import AwsFault
from sandbox.loopback import Answer, Request, Server, listen
from tests.service.front import Front, Log
from tests.service.probed import probed_service
from token_exchange.adapters.settings import BadSetting
from token_exchange.core.refusals import Reason, Refused

type ReadLog = Callable[[], Log]


@pytest.fixture
def probing(
    front: Front, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., probe.Probe]]:
    """Start a probe of a running service, with some variables changed."""
    with probed_service(front.backends, environment) as settings:

        def begin(**changes: str) -> probe.Probe:
            for name, value in {**settings, **changes}.items():
                monkeypatch.setenv(name, value)
            return probe.start()

        yield begin


def succeeded(log: Log) -> list[object]:
    return [line["ProbeSucceeded"] for line in log.metrics if "ProbeSucceeded" in line]


def test_a_probe_gets_one_login_and_one_refusal(
    front: Front, probing: Callable[..., probe.Probe], log: ReadLog
) -> None:
    started = probing()
    front.backends.aws.forget_requests()
    log()
    answer = started({}, None)
    assert json.loads(json.dumps(answer)) == {"granted": 200, "refused": 401, "reason": "bad-signature"}
    written = log()
    assert [line["decision"] for line in written.audit] == ["granted", "rejected"]
    assert succeeded(written) == [[1.0]]
    assert front.calls() == ["secretsmanager:GetSecretValue", "sts:AssumeRole", "ecr:GetAuthorizationToken"]


@pytest.mark.parametrize(
    ("operation", "kind", "found"),
    [
        ("sts:AssumeRole", "access-denied", "502 role-refused"),
        ("ecr:GetAuthorizationToken", "malformed", "503 aws-unavailable"),
    ],
)
def test_a_service_that_grants_nothing_fails_the_probe(
    front: Front, probing: Callable[..., probe.Probe], log: ReadLog, operation: str, kind: str, found: str
) -> None:
    started = probing()
    front.backends.aws.faults.plan(
        operation, AwsFault(kind="access-denied" if kind == "access-denied" else "malformed")
    )
    log()
    with pytest.raises(ProbeFailed, match=f"expected a login, found {found}"):
        started({}, None)
    written = log()
    assert succeeded(written) == [[0.0]]
    assert [line["cause"] for line in written.events if line["event"] == "probe-failed"] == [
        f"expected a login, found {found}"
    ]


def test_an_unreachable_address_fails_the_probe(probing: Callable[..., probe.Probe], log: ReadLog) -> None:
    with listen(0) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ProbeFailed, match="/v1/audience: no answer"):
        probing(TOKEN_EXCHANGE_URL=f"http://127.0.0.1:{port}")({}, None)
    assert succeeded(log()) == [[0.0]]


def _lenient(request: Request) -> Answer:
    body = b'{"audience": ["x"]}' if request.method == "GET" else b"{}"
    return Answer(headers=(("content-type", "application/json"),), body=body)


def _of_html(_: Request) -> Answer:
    return Answer(status=200, body=b"<html>")


def _of_nothing(_: Request) -> Answer:
    return Answer(status=404, body=b'{"reason": "not-found"}')


@pytest.mark.parametrize(
    ("handle", "problem"),
    [
        # A service that lets everyone in is the one failure that no job would notice.
        (_lenient, "expected a refusal of a forged token, found 200"),
        (_of_html, "no answer \\(JSONDecodeError\\)"),
        (_of_nothing, "the audience of https://probe.token-exchange.invalid: 404 not-found"),
    ],
)
def test_another_answer_fails_the_probe(
    probing: Callable[..., probe.Probe], handle: Callable[[Request], Answer], problem: str
) -> None:
    with Server(handle) as server, pytest.raises(ProbeFailed, match=problem):
        probing(TOKEN_EXCHANGE_URL=f"http://127.0.0.1:{server.port}")({}, None)


def test_the_keys_to_pin_are_public(probing: Callable[..., probe.Probe]) -> None:
    shown = json.dumps(probing()({"show": "jwks"}, None))
    (key,) = json.loads(shown)["jwks"]["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "alg", "use", "kid"}


@pytest.mark.parametrize("value", ["", "not a key", "-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----"])
def test_a_secret_without_a_key_is_named_and_not_shown(
    front: Front, probing: Callable[..., probe.Probe], value: str
) -> None:
    started = probing()
    front.backends.aws.secrets.put(Secret(arn=account.HUB_SECRET, value=value))
    with pytest.raises(Refused, match="expected a private key of the curve P-256, in PEM") as refused:
        started({}, None)
    assert refused.value.reason is Reason.SECRET_REFUSED
    assert refused.value.__cause__ is None
    assert value == "" or value not in str(refused.value)


@pytest.mark.parametrize("name", ["TOKEN_EXCHANGE_URL", "TOKEN_EXCHANGE_PROBE_SECRET"])
def test_a_missing_setting_is_named(probing: Callable[..., probe.Probe], name: str) -> None:
    with pytest.raises(Refused, match=name):
        probing(**{name: ""})({}, None)


def test_a_secret_is_named_by_its_whole_arn(probing: Callable[..., probe.Probe]) -> None:
    with pytest.raises(BadSetting, match="TOKEN_EXCHANGE_PROBE_SECRET: expected the whole ARN of a secret"):
        probing(TOKEN_EXCHANGE_PROBE_SECRET="token-exchange-probe")


def test_its_handler_is_importable_without_settings(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "from probe.app import handler; assert callable(handler)"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"} | {name: os.environ[name] for name in os.environ if name.startswith("COVERAGE_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
