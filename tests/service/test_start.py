"""The function in a process of its own: what its environment does to it, at import and afterwards."""

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.gateway_events import Event
from sandbox.loopback import Request, listen
from tests.service.front import EXCHANGE_FORM, FORM_TYPE, Answer, Front, Log, answer_of, event_of, read_log
from token_exchange.core.ports import Json
from token_exchange.service import Service

ROOT = Path(__file__).parents[2]
CLEAN = {"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    answers: list[Answer]
    out: str
    err: str

    @property
    def log(self) -> Log:
        return read_log(self.out)


def _run(tmp_path: Path, environment: dict[str, str], events: Sequence[object]) -> Run:
    answers = tmp_path / "answers.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.service.run_events", str(answers)],
        input=json.dumps(events),
        cwd=ROOT,
        env={**CLEAN, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found: Json = json.loads(answers.read_text()) if done.returncode == 0 else []
    assert isinstance(found, list)
    return Run(answers=[answer_of(answer) for answer in found], out=done.stdout, err=done.stderr)


def _event(
    token: str | None = None, query: str = "", *, method: str = "POST", path: str = "/v1/token", body: bytes = b""
) -> Event:
    headers = [("Authorization", f"Bearer {token}")] if token else [("Content-Type", FORM_TYPE)]
    target = f"{path}?{query}" if query else path
    return event_of(Request(method=method, target=target, headers=tuple(headers), body=body))


def test_an_empty_environment_starts_and_reports_no_policy(tmp_path: Path) -> None:
    # A copy, since a checkout that is deployed from has a policy in the function's folder.
    shutil.copytree(ROOT / "functions/exchange", tmp_path / "exchange", ignore=shutil.ignore_patterns("policy*"))
    run = _run(
        tmp_path, {"PYTHONPATH": str(tmp_path)}, [_event("x.y.z"), _event(method="GET", path="/v1/health"), _event()]
    )
    exchange, health, nothing = run.answers
    for answer in (exchange, health):
        assert (answer.status, answer.reason) == (503, "policy-unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert nothing.reason == "missing-token"  # the request by itself comes first
    assert [line["reason"] for line in run.log.audit] == ["policy-unavailable", "missing-token"]
    assert [line["event"] for line in run.log.events] == ["policy-not-read"]
    assert run.err == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN_EXCHANGE_POLICY", "policy.yaml"),
        ("TOKEN_EXCHANGE_POLICY_MAX_AGE", "1m"),
        ("TOKEN_EXCHANGE_URL", "http://login.acme.example"),
        ("AWS_REGION", "nowhere"),
        ("LOG_LEVEL", "chatty"),
    ],
)
def test_a_bad_setting_stops_the_start_and_names_the_variable(tmp_path: Path, name: str, value: str) -> None:
    run = _run(tmp_path, {name: value}, [])
    assert run.answers == []
    last = run.err.strip().splitlines()[-1]
    assert "BadSetting" in last
    assert name in last


NOISY = {
    "CRITICAL": {"LOG_LEVEL": "CRITICAL"},
    "Powertools' CRITICAL": {"POWERTOOLS_LOG_LEVEL": "CRITICAL"},
    "Lambda's FATAL": {"AWS_LAMBDA_LOG_LEVEL": "FATAL", "AWS_LAMBDA_LOG_FORMAT": "JSON"},
    "for development": {"POWERTOOLS_DEV": "true"},
    "events logged": {"POWERTOOLS_LOGGER_LOG_EVENT": "true"},
    "debugging": {"AWS_LAMBDA_LOG_LEVEL": "DEBUG", "LOG_LEVEL": "DEBUG", "POWERTOOLS_DEBUG": "true"},
    "another time zone and service": {"TZ": "Asia/Kolkata", "POWERTOOLS_SERVICE_NAME": "mine"},
}


@pytest.mark.parametrize("changes", NOISY.values(), ids=NOISY.keys())
def test_no_log_setting_costs_or_doubles_the_audit_line(
    front: Front, environment: dict[str, str], tmp_path: Path, changes: dict[str, str]
) -> None:
    run = _run(tmp_path, {**environment, **changes}, [_event(front.token(), "registry=apps"), _event("x")])
    assert [answer.status for answer in run.answers] == [200, 401]
    assert "[ROOT]" not in run.out
    assert [line["decision"] for line in run.log.audit] == ["granted", "rejected"]
    assert all(str(line["timestamp"]).endswith("+00:00") for line in run.log.audit)
    # Powertools writes no metrics under development; else the alarms know these dimensions and no others.
    dimensions = [each for line in run.log.metrics for each in _dimensions(line)]
    assert (["deployment", "decision", "reason"] in dimensions) == ("POWERTOOLS_DEV" not in changes)
    assert "service" not in [name for names in dimensions for name in names]


def _dimensions(line: dict[str, Json]) -> list[list[Json]]:
    aws = line["_aws"]
    assert isinstance(aws, dict)
    (directive,) = [each for each in _list(aws["CloudWatchMetrics"]) if isinstance(each, dict)]
    return [_list(each) for each in _list(directive["Dimensions"])]


def _list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value


def test_nothing_secret_reaches_the_log_whatever_is_switched_on(
    front: Front, environment: dict[str, str], tmp_path: Path
) -> None:
    tokens = [
        front.token(),
        front.token("push-feature"),
        front.token("leaked-runner"),
        front.token("other-organization"),
        front.token("pull-request-target"),
        front.token(environment="broken"),
        front.token(environment="bulk"),
        front.token(audience="https://elsewhere.example"),
        front.token(header={"kid": "nobodys"}),
        front.token(now=1_000_000_000.0),
    ]
    form = "&".join(f"{name}={value}" for name, value in EXCHANGE_FORM.items())
    events: list[object] = []
    for token in tokens:
        events += [
            _event(token),
            _event(token, "format=docker-config"),
            _event(token, "format=password&registry=apps"),
            _event(token, f"token={token}"),
            _event(token[:-5]),
            _event(f"{token}, {token}"),
            _event(body=f"{form}&subject_token={token}".encode()),
            _event(body=f"subject_token={token}".encode()),
            _event(body=f"{form}&subject_token={token}&subject_token={token}".encode()),
            _event(body=f"{form}&subject_token={token}%ff".encode()),
            _event(token, f"registry={token.replace('.', '')}"),
            {"headers": {"authorization": token}, "requestContext": {"http": {"method": "POST", "path": "/v1/token"}}},
        ]
    everything = NOISY["debugging"] | NOISY["events logged"] | NOISY["for development"]
    sessions, logins = len(front.backends.aws.principals.sessions()), len(front.backends.aws.registry.logins())
    run = _run(tmp_path, {**environment, **everything}, events)
    assert len(run.answers) == len(events)
    written = run.out + run.err
    assert {answer.status for answer in run.answers} >= {200, 400, 401, 403, 502}
    secrets = [part for token in tokens for part in token.split(".")[1:]]
    for session in front.backends.aws.principals.sessions()[sessions:]:
        secrets += [session.secret_access_key, session.session_token]
    secrets += [login.password for login in front.backends.aws.registry.logins()[logins:]]
    assert len(secrets) > 50
    header = tokens[0].partition(".")[0]
    assert header[:9] not in written
    for secret in secrets:
        for start in range(0, len(secret) - 12, 6):
            assert secret[start : start + 12] not in written
    assert "authorization" not in written.lower().replace("getauthorizationtoken", "")


def test_the_first_exchange_opens_no_connection(front: Front, changed: Callable[[dict[str, str]], Front]) -> None:
    aws = front.backends.aws
    fresh = changed({})
    assert {"sts:GetCallerIdentity", "ecr:DescribeRegistry"} <= set(aws.unsigned_requests())
    opened = aws.accepted_connections()
    assert fresh.send(fresh.token(), "registry=apps").status == 200
    assert aws.accepted_connections() == opened


@pytest.mark.parametrize("with_brake", [True, False])
def test_the_tables_connection_is_opened_once(
    front: Front, changed: Callable[[dict[str, str]], Front], *, with_brake: bool
) -> None:
    aws = front.backends.aws
    tables = {
        "TOKEN_EXCHANGE_STATE_TABLE": aws.state.name,
        "TOKEN_EXCHANGE_BRAKE_TABLE": aws.state.brake_name if with_brake else "",
    }
    changed(tables)
    # Reading the brake has opened it; without a brake, an unsigned call does.
    assert ("dynamodb:ListTables" in aws.unsigned_requests()) is not with_brake


def test_a_brake_that_cannot_be_read_leaves_the_rest_ready(
    front: Front, changed: Callable[[dict[str, str]], Front]
) -> None:
    aws = front.backends.aws
    aws.forget_requests()
    fresh = changed({"TOKEN_EXCHANGE_BRAKE_TABLE": "lost"})
    assert {"sts:GetCallerIdentity", "ecr:DescribeRegistry"} <= set(aws.unsigned_requests())
    assert fresh.send(fresh.token(), "registry=apps").reason == "policy-unavailable"


def test_a_restored_environment_connects_anew(front: Front, changed: Callable[[dict[str, str]], Front]) -> None:
    fresh, aws = changed({}), front.backends.aws
    before = fresh.send(fresh.token(), "registry=apps")
    opened = aws.accepted_connections()
    state = random.getstate()
    assert isinstance(fresh.handler, Service)
    fresh.handler.restored()
    assert random.getstate() != state
    connected = aws.accepted_connections()
    assert connected > opened
    # The threads and the connections are new, and the first exchange finds them ready.
    after = fresh.send(fresh.token(), "registry=apps")
    assert (before.status, after.status, aws.accepted_connections()) == (200, 200, connected)


def test_an_endpoint_that_does_not_answer_delays_no_start(
    changed: Callable[[dict[str, str]], Front], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("token_exchange.service.CONNECT_SECONDS", 0.1)
    with listen(0) as silent:
        started = time.monotonic()
        fresh = changed({"AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        assert time.monotonic() - started < 5
        # All else is ready, and a request that needs nothing of it is answered.
        assert fresh.send(method="GET", path="/v1/health").status == 200
