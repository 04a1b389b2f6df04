"""The audit line: one for each exchange, whatever the outcome, with everything that can be said and nothing secret."""

import hashlib
import io
import json
import re
import sys
from collections.abc import Callable
from typing import override

import pytest

from sandbox.aws.server import AwsFault
from tests.service.front import EXCHANGE_FORM, FORM_TYPE, Answer, Front, Log
from tests.service.policy import AUDIENCE
from tests.service.test_refusals import CASES
from token_exchange import __version__
from token_exchange.core.ports import Json
from token_exchange.reporting.audit import AuditRecord

type ReadLog = Callable[[], Log]

BASIC = {"level", "location", "message", "timestamp", "service", "record", "schema", "decision", "reason", "status"}
ENVIRONMENT = {"timings_ms", "cold_start", "version", "function_version", "region"}


def _object(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value


def _only(value: Json) -> dict[str, Json]:
    assert isinstance(value, list)
    (item,) = value
    return _object(item)


def test_every_refusal_leaves_one_line(subtests: pytest.Subtests, front: Front, log: ReadLog) -> None:
    for number, case in enumerate(CASES):
        with subtests.test(number=number, reason=case.reason):
            _is_recorded(case.send(front), log().audit)


def _is_recorded(answer: Answer, lines: list[dict[str, Json]]) -> None:
    if answer.reason == "not-found" or answer.headers.get("allow") == "GET":
        assert lines == []
        return
    (line,) = lines
    assert (line["reason"], line["status"]) == (answer.reason, answer.status)
    assert line["decision"] == ("denied" if answer.status == 403 else "rejected")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "grants" not in line
    assert "error" not in line


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        ("", {"one_login": False, "format": "json"}),
        (
            "registry=apps&registry=base&grant=own-images&format=docker-config",
            {"one_login": False, "format": "docker-config", "grant": "own-images", "registries": ["apps", "base"]},
        ),
        # as sent, a host and what no policy has included
        (
            "registry=111122223333.dkr.ecr.eu-west-1.amazonaws.com&registry=none such&format=password",
            {
                "one_login": True,
                "format": "password",
                "registries": ["111122223333.dkr.ecr.eu-west-1.amazonaws.com", "none such"],
            },
        ),
        (
            "registry=apps&scope=repository:ci/acme/shop:push repository:base/python:pull",
            {
                "one_login": False,
                "format": "json",
                "registries": ["apps"],
                "scope": "repository:ci/acme/shop:pull,push repository:base/python:pull",
            },
        ),
        # what could not be read is not what was asked for
        ("registry=apps&scope=everything", None),
    ],
)
def test_the_line_has_the_request(front: Front, log: ReadLog, sent: str, asked: Json) -> None:
    for token in (front.token(), "not.a.token"):
        front.send(token, sent)
        (line,) = log().audit
        assert line.get("asked") == asked


@pytest.mark.parametrize("path", ["/v1/health", "/v1/audience", "/.well-known/oauth-authorization-server", "/", "/v1"])
def test_other_paths_leave_none(front: Front, log: ReadLog, path: str) -> None:
    for method in ("GET", "POST"):
        front.send(front.token(), method=method, path=path)
    assert log().text == ""


# A client can send this header itself, and a gateway may pass it on.
@pytest.mark.parametrize("root", ["{token}", "1-69556a80-0123456789abcdef01234567{token}", "1" * 9000, ""])
def test_a_trace_of_another_form_is_not_kept(
    front: Front, log: ReadLog, good_token: str, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={root.format(token=good_token)};Sampled=1")
    front.send(good_token, "registry=apps", path="/v1/explain")
    (line,) = log().audit
    assert line.keys().isdisjoint({"trace_id", "xray_trace_id"})


def test_a_login_leaves_a_line_with_everything(front: Front, log: ReadLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-69556a80-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1")
    token = front.token(environment="staging")
    answer = front.send(token, "registry=apps", request_id="0a1b2c3d-4e5f-6789-abcd-ef0123456789")
    (line,) = log().audit
    session = front.backends.aws.principals.sessions()[-1]
    sts, ecr = front.backends.aws.requests()
    policy = sts.parameters["Policy"]
    assert isinstance(policy, str)
    entry = answer.texts("registries")[0]
    assert {name: value for name, value in _only(line["grants"]).items() if name != "session_token_percent"} == {
        "grant": "own-images",
        "registry": "apps",
        "role_arn": "arn:aws:iam::111122223333:role/ci-ecr-push",
        "access": "push",
        "repositories": ["ci/acme/shop", "ci/acme/shop/*"],
        "scope": answer.fields["scope"],
        "expires_at": entry["expires_at"],
        "session_name": "70010001-9100200300-0a1b2c3d4e5f",
        "source_identity": "acme-shop-d21b2cdf12b74c75",
        "assumed_role_id": session.role_session_id,
        "assumed_role_arn": session.arn,
        "access_key_id": session.access_key_id,
        "sts_request_id": sts.request_id,
        "ecr_request_id": ecr.request_id,
        "session_policy_sha256": hashlib.sha256(policy.encode()).hexdigest(),
    }
    percent = _only(line["grants"])["session_token_percent"]
    assert isinstance(percent, int)
    assert line.keys() == BASIC | ENVIRONMENT | {
        "request_id",
        "api_request_id",
        "trace_id",
        "xray_trace_id",  # Powertools' own
        "source_ip",
        "user_agent",
        "issuer",
        "provider",
        "issuer_url",
        "token_id",
        "token_sha256",
        "identity",
        "claims",
        "verified",
        "policy_sha256",
        "asked",
        "considered",
        "grants",
    }
    assert (
        line.items()
        >= {
            "level": "INFO",
            "message": "exchange",
            "record": "audit",
            "schema": 1,
            "decision": "granted",
            "reason": "granted",
            "status": 200,
            "request_id": "0a1b2c3d-4e5f-6789-abcd-ef0123456789",
            "api_request_id": "gateway-1",
            "trace_id": "1-69556a80-0123456789abcdef01234567",
            "source_ip": "203.0.113.7",
            "user_agent": "curl/8.14.1",
            "issuer": "github",
            "provider": "github-actions",
            "issuer_url": front.backends.issuer.issuer_url("github-actions"),
            "token_sha256": hashlib.sha256(token.encode()).hexdigest(),
            "verified": True,
            "version": __version__,
            "function_version": "$LATEST",
            "region": "eu-west-1",
        }.items()
    )
    assert (
        _object(line["identity"]).items()
        >= {
            "organization": "acme",
            "organization_id": "7001",
            "repository": "acme/shop",
            "repository_id": "70010001",
            "ref": "refs/heads/main",
            "environment": "staging",
            "event": "push",
            "workflow": "images",
            "run_id": "9100200300",
            "actor": "ada",
        }.items()
    )
    assert _object(line["claims"])["sub"] == "repo:acme/shop:environment:staging"
    assert line["considered"] == [{"grant": "own-images"}]
    assert _object(line["timings_ms"]).keys() == {"verify", "keys", "decide", "sts", "ecr", "total"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)", str(line["timestamp"]))


UNPROVEN: list[tuple[str, Callable[[Front], str]]] = [
    ("unknown-key", lambda front: front.token(header={"kid": "nobodys"}, actor="mallory", jti="forged")),
    ("wrong-audience", lambda front: front.token(audience="x", actor="mallory", jti="forged")),
    ("unknown-issuer", lambda front: front.token(iss="https://mallory.example", jti="forged")),
]


@pytest.mark.parametrize(("reason", "mint"), UNPROVEN)
def test_only_issuer_and_hash_of_an_unverified_token_are_kept(
    front: Front, log: ReadLog, reason: str, mint: Callable[[Front], str]
) -> None:
    token = mint(front)
    assert front.send(token).reason == reason
    (line,) = log().audit
    assert line["verified"] is False
    assert line["token_sha256"] == hashlib.sha256(token.encode()).hexdigest()
    assert "issuer_url" in line
    assert line.keys() <= BASIC | ENVIRONMENT | {
        "request_id",
        "api_request_id",
        "source_ip",
        "user_agent",
        "verified",
        "token_sha256",
        "issuer_url",
        "policy_sha256",
        "asked",
        "trace_id",
        "xray_trace_id",
    }
    text = json.dumps(line).replace("mallory.example", "")
    assert "mallory" not in text
    assert "forged" not in text


REFUSED_FOR_A_CLAIM: list[tuple[str, Callable[[Front], str]]] = [
    ("expired", lambda front: front.token(now=1_000_000_000.0)),
    ("not-yet-valid", lambda front: front.token(now=9_000_000_000.0)),
    ("lifetime-too-long", lambda front: front.token(lifetime_seconds=4000)),
    ("invalid-claim", lambda front: front.token(sub="")),
    ("missing-claim", lambda front: front.token(without=["event_name"])),
]


@pytest.mark.parametrize(("reason", "mint"), REFUSED_FOR_A_CLAIM)
def test_the_line_of_a_verified_token_names_its_caller(
    front: Front, log: ReadLog, reason: str, mint: Callable[[Front], str]
) -> None:
    answer = front.send(mint(front))
    assert answer.reason == reason
    assert "identity" not in answer.fields
    written = log()
    (line,) = written.audit
    assert (line["verified"], line["issuer"], line["provider"]) == (True, "github", "github-actions")
    assert _object(line["claims"])["repository_id"] == "70010001"
    assert "token_id" in line
    assert "identity" not in line
    # Whose tokens are refused is what an alarm on the issuer asks.
    assert [each["issuer"] for each in written.metrics if "Exchanges" in each] == ["github"]


SENT: list[Callable[[Front, str], Answer]] = [
    lambda front, token: front.send(token, "format=xml"),
    lambda front, token: front.send(token, method="PUT"),
    lambda front, token: front.send(token, body=b"x", headers=[("Content-Type", "text/plain")]),
    lambda front, token: front.send(form={"subject_token": token}),
    # Where it never belongs; a reader who finds it in an access log wants to know what it was good for.
    lambda front, token: front.send(None, {"subject_token": token}),
    lambda front, token: front.send(None, {"access_token": token}),
    lambda front, token: front.send(form={**EXCHANGE_FORM, "subject_token": token}),
    lambda front, token: front.send(token),
]


@pytest.mark.parametrize("send", SENT)
def test_the_hash_of_the_token_is_always_kept(front: Front, log: ReadLog, send: Callable[[Front, str], Answer]) -> None:
    token = front.token("push-feature")
    send(front, token)
    (line,) = log().audit
    assert line["token_sha256"] == hashlib.sha256(token.encode()).hexdigest()


def test_a_denials_line_has_more_than_its_answer(front: Front, log: ReadLog) -> None:
    front.send(front.token("leaked-runner"))
    front.send(front.token("push-feature"), "registry=apps")
    front.send(front.token(environment="trial"), "registry=trial")
    denied, unmatched, trial = log().audit
    assert denied["deny_rule"] == "kill-switch-4711"
    considered = unmatched["considered"]
    assert isinstance(considered, list)
    assert [_object(each)["grant"] for each in considered] == ["own-images", "release", "other-teams-secret"]
    assert _only(trial["would"]) == {
        "decision": "granted",
        "grant": "on-trial",
        "registry": "trial",
        "access": "pull",
        "repositories": ["base/*"],
    }


def test_a_failure_names_its_cause_without_secrets(front: Front, log: ReadLog) -> None:
    front.backends.aws.faults.plan("sts:AssumeRole", AwsFault(kind="access-denied"))
    front.send(front.token(), "registry=apps")
    (line,) = log().audit
    assert line["decision"] == "failed"
    error = _object(line["error"])
    assert error["class"] == "ClientError"
    assert "AccessDenied" in str(error["message"])


def test_an_internal_error_is_logged_and_not_answered_in_detail(
    front: Front, log: ReadLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = front.token()
    monkeypatch.setattr("token_exchange.core.exchange.decide", _raise(f"secret Bearer {token} and {'k' * 40}"))
    answer = front.send(token, request_id="r-1")
    assert (answer.status, answer.reason) == (500, "internal-error")
    assert "identity" not in answer.fields
    assert "RuntimeError" not in answer.body
    written = log()
    (line,), (event,) = written.audit, written.events
    assert (line["decision"], line["reason"], line["status"]) == ("failed", "internal-error", 500)
    assert _object(line["error"])["class"] == "RuntimeError"
    assert (event["event"], event["request_id"]) == ("internal-error", "r-1")
    assert "Traceback" in str(event["traceback"])
    assert token[:12] not in written.text
    assert "k" * 40 not in written.text


def _raise(message: str) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise RuntimeError(message)

    return fail


class _BrokenPipe:
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self) -> None:
        pass


class _Full(_BrokenPipe):
    """Breaks at the audit line."""

    def __init__(self) -> None:
        self.written: list[str] = []

    @override
    def write(self, text: str) -> int:
        if '"audit"' in text:
            raise OSError(28, "No space left on device")
        self.written.append(text)
        return len(text)


@pytest.mark.parametrize("stream", [_BrokenPipe(), _Full()])
def test_no_login_is_returned_without_its_audit_line(
    front: Front, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stream: _BrokenPipe
) -> None:
    token = front.token()
    front.send(token)  # the keys are there
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdout", stream)
    answer = front.send(token)
    monkeypatch.undo()
    assert (answer.status, answer.reason) == (500, "internal-error")
    for login in front.backends.aws.registry.logins():
        assert login.password not in answer.body
    said = capsys.readouterr().err
    if isinstance(stream, _Full):
        said = "".join(stream.written)
    assert "internal-error" in said
    assert token[:9] not in said


def test_a_record_that_cannot_be_made_costs_the_login(
    front: Front, log: ReadLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AuditRecord, "render", _raise("a bug"))
    answer = front.send(front.token())
    assert (answer.status, answer.reason) == (500, "internal-error")


HOSTILE = (
    "x" * 5000,
    "\x00\x1b[2J\r\n\x7f" * 300,
    "\u202e\u2066\u2028\u2029" * 300,
    "\U0001f4a3" * 1200,
    '"}\n{"record":"audit","decision":"granted"}' * 40,
    "%s%n{0}{record}$(reboot)`reboot`" * 60,
)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("query", ["", "registry=apps"])
def test_no_value_of_a_token_breaks_the_line(front: Front, log: ReadLog, value: str, query: str) -> None:
    few = value[:300]
    token = front.token("push-feature", workflow=few, job_workflow_ref=few, ref="refs/heads/x", head_ref=few)
    answer = front.send(token, query)
    _is_a_whole_record(log(), answer)


@pytest.mark.parametrize("value", ["\x01", "\U0001f4a3", "\u202e", "x", '"'])
def test_values_full_of_escapes_leave_identity_and_hashes_whole(front: Front, log: ReadLog, value: str) -> None:
    # As much as a token of 16 KiB can hold.
    long = value * (800 // len(json.dumps(value)[1:-1]))
    token = front.token(
        workflow=long,
        job_workflow_ref=long,
        environment=long,
        actor=long,
        actor_id=long,
        run_id=long,
        check_run_id=long,
        sha=long,
        jti=long,
    )
    answer = front.send(token, "registry=apps", request_id="r")
    written = log()
    _is_a_whole_record(written, answer)
    identity = _object(written.audit[0]["identity"])
    assert identity.keys() >= {"organization", "repository_id", "workflow", "environment", "actor", "run_id", "sha"}
    assert identity["repository_id"] == "70010001"
    assert "more]" in str(identity["workflow"])
    assert answer.status == 200
    assert _only(written.audit[0]["grants"])["access_key_id"]


def _is_a_whole_record(written: Log, answer: Answer) -> None:
    (line,) = written.audit
    assert line["reason"] == (answer.fields.get("reason") or "granted")
    (text,) = [each for each in written.text.split("\n") if '"audit"' in each[:200]]
    assert len(text) < 8192
    assert text.isascii()
    assert text.isprintable()


def test_a_user_agent_that_is_a_token_is_not_kept(front: Front, log: ReadLog) -> None:
    token = front.token()
    front.send(token, headers=[("User-Agent", f"me/1 Bearer {token}")])
    front.send(token, headers=[("User-Agent", f"me/1 {token}")])
    assert token[:12] not in log().text


A_TOKEN = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJzb21lb25lIn0.c2lnbmF0dXJl" + "x" * 300
A_HASH = f"sha256:{hashlib.sha256(A_TOKEN.encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("claim", "where"),
    [
        ("jti", ("token_id",)),
        ("sub", ("claims", "sub")),
        ("actor", ("identity", "actor")),
        ("environment", ("claims", "environment")),
        ("workflow", ("identity", "workflow")),
    ],
)
@pytest.mark.parametrize("query", ["", "registry=apps"])
def test_a_claim_that_is_a_token_is_recorded_by_its_hash(
    front: Front, log: ReadLog, claim: str, where: tuple[str, ...], query: str
) -> None:
    token = front.backends.issuer.mint("github-actions", audience=AUDIENCE, claims={claim: A_TOKEN})
    front.send(token, query)
    written = log()
    (line,) = written.audit
    value: Json = line
    for name in where:
        value = _object(value)[name]
    assert value == A_HASH
    assert A_TOKEN[:9] not in written.text


def test_a_branch_that_is_a_token_is_recorded_by_its_hash(front: Front, log: ReadLog) -> None:
    front.send(
        front.token(ref=f"refs/heads/{A_TOKEN}", sub=f"repo:acme/shop:ref:refs/heads/{A_TOKEN}"), "registry=apps"
    )
    written = log()
    (line,) = written.audit
    assert _object(line["identity"])["branch"] == A_HASH
    assert _object(line["identity"])["ref"] == f"refs/heads/{A_HASH}"
    assert "considered" in line
    assert A_TOKEN[:9] not in written.text


def test_an_issuer_that_is_a_token_is_recorded_by_its_hash(front: Front, log: ReadLog) -> None:
    front.send(front.token(iss=A_TOKEN))
    front.send(front.token(iss=f"https://ci.example/{A_TOKEN}"))
    written = log()
    assert [line["issuer_url"] for line in written.audit] == [A_HASH, f"https://ci.example/{A_HASH}"]
    assert A_TOKEN[:9] not in written.text


def test_a_form_that_is_refused_is_not_kept(front: Front, log: ReadLog) -> None:
    token = front.token()
    body = f"subject_token={token}&grant_type=x%ff".encode()
    front.send(body=body, headers=[("Content-Type", FORM_TYPE)])
    front.send(json_body={"subject_token": token, "grant": token, "registry": token})
    front.send(form={**EXCHANGE_FORM, "subject_token": token, "registry": token})
    text = log().text
    for part in token.split("."):
        assert part[:12] not in text


class NoMetrics(io.StringIO):
    """An output that takes every line but those of metrics."""

    @override
    def write(self, text: str) -> int:
        if "CloudWatchMetrics" in text:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_a_login_does_not_depend_on_its_metrics(
    front: Front, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = NoMetrics()
    monkeypatch.setattr(sys, "stdout", output)
    answer = front.send(front.token(), "registry=apps")
    assert answer.status == 200
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [line["decision"] for line in lines if line["record"] == "audit"] == ["granted"]
    assert "No space left on device" in capsys.readouterr().err
