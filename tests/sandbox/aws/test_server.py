from urllib.parse import urlencode

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from sandbox.aws.server import Aws, AwsFault, FaultKind
from tests.sandbox.clients import Clients, assume, authorization, call, refusal
from tests.sandbox.wire import send


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "Throttling", 400),
        ("server-error", "InternalFailure", 500),
        ("unavailable", "ServiceUnavailable", 503),
        ("access-denied", "AccessDenied", 403),
    ],
)
def test_planned_faults_of_sts_occur(aws: Aws, clients: Clients, kind: FaultKind, code: str, status: int) -> None:
    aws.faults.plan("sts:AssumeRole", AwsFault(kind=kind))
    found, _, found_status = refusal(lambda: assume(clients.sts()))
    assert (found, found_status) == (code, status)
    assert aws.requests()[0].fault == kind
    assert len(aws.principals.sessions()) == 1


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "ThrottlingException", 400),
        ("server-error", "ServerException", 500),
        ("unavailable", "ServiceUnavailable", 503),
        ("access-denied", "AccessDeniedException", 400),
    ],
)
def test_planned_faults_of_ecr_occur(aws: Aws, clients: Clients, kind: FaultKind, code: str, status: int) -> None:
    assume(clients.sts())
    aws.faults.plan("ecr:GetAuthorizationToken", AwsFault(kind=kind))
    found, _, found_status = refusal(lambda: authorization(clients.ecr(aws.principals.sessions()[-1])))
    assert (found, found_status) == (code, status)


@pytest.mark.parametrize("kind", ["throttle", "server-error", "unavailable", "drop"])
def test_a_client_that_tries_again_gets_through(aws: Aws, clients: Clients, kind: FaultKind) -> None:
    aws.faults.plan("sts:AssumeRole", AwsFault(kind=kind), times=1)
    assume(clients.sts(attempts=2))
    assert [seen.fault for seen in aws.requests("sts:AssumeRole")] == [kind, None]


def test_every_attempt_of_a_failing_client_was_refused(aws: Aws, clients: Clients) -> None:
    aws.faults.plan("sts:AssumeRole", AwsFault(kind="throttle"))
    assert refusal(lambda: assume(clients.sts(attempts=2)))[0] == "Throttling"
    assert len(aws.requests("sts:AssumeRole")) == 2
    aws.faults.clear()
    assume(clients.sts())


def test_a_hanging_server_is_awaited_until_the_timeout(aws: Aws, clients: Clients) -> None:
    aws.faults.plan("sts:AssumeRole", AwsFault(kind="hang"), times=1)
    with pytest.raises(ReadTimeoutError):
        assume(clients.sts())


def test_a_connection_may_end_without_an_answer(aws: Aws, clients: Clients) -> None:
    aws.faults.plan("sts:AssumeRole", AwsFault(kind="drop"), times=1)
    with pytest.raises(ConnectionClosedError):
        assume(clients.sts())


def test_a_response_may_be_lost_after_the_operation(aws: Aws, clients: Clients) -> None:
    before = len(aws.principals.sessions())
    aws.faults.plan("sts:AssumeRole", AwsFault(kind="lost"), times=1)
    with pytest.raises(ConnectionClosedError):
        assume(clients.sts())
    assert len(aws.principals.sessions()) == before + 1
    assert [(seen.fault, seen.error) for seen in aws.requests("sts:AssumeRole")] == [("lost", None)]


def test_a_response_may_be_malformed(aws: Aws, clients: Clients) -> None:
    aws.faults.plan("sts:AssumeRole", AwsFault(kind="malformed"), times=1)
    with pytest.raises(ResponseParserError):
        assume(clients.sts())


def test_a_slow_answer_is_complete(aws: Aws, clients: Clients) -> None:
    aws.faults.plan("sts:AssumeRole", AwsFault(kind="slow", seconds=0.05), times=1)
    assume(clients.sts())
    assert aws.requests()[0].error is None


def test_an_unknown_operation_is_an_error(clients: Clients) -> None:
    assert refusal(lambda: call(clients.sts(), "get_caller_identity"))[0] == "InvalidAction"
    ecr = clients.ecr(clients.service)
    assert refusal(lambda: call(ecr, "describe_repositories"))[0] == "UnknownOperationException"


def test_requests_are_listed_by_operation_until_forgotten(aws: Aws, clients: Clients) -> None:
    assume(clients.sts())
    authorization(clients.ecr(aws.principals.sessions()[-1]))
    assert [seen.operation for seen in aws.requests()] == ["sts:AssumeRole", "ecr:GetAuthorizationToken"]
    assert aws.requests("ecr:GetAuthorizationToken")[0].region == "eu-west-1"
    aws.forget_requests()
    assert aws.requests() == []


def _control(aws: Aws, method: str, path: str, **parameters: str) -> tuple[int, str]:
    answer = send(f"{aws.url}/_control{path}?{urlencode(parameters)}", method=method)
    return answer.status, answer.body.decode()


def test_a_person_plans_and_clears_faults_over_http(aws: Aws, clients: Clients) -> None:
    assert _control(aws, "POST", "/faults", operation="sts:AssumeRole", fault="throttle", times="1") == (
        200,
        "planned sts:AssumeRole: throttle, times=1\n",
    )
    assert refusal(lambda: assume(clients.sts()))[0] == "Throttling"
    assume(clients.sts())
    _control(aws, "POST", "/faults", operation="sts:AssumeRole", fault="unavailable")
    assert _control(aws, "DELETE", "/faults") == (200, "no faults are planned\n")
    assume(clients.sts())
    status, listed = _control(aws, "GET", "/requests")
    assert status == 200
    assert [line.split()[1] for line in listed.splitlines()] == ["Throttling", "ok", "ok"]


@pytest.mark.parametrize(
    "parameters", [{}, {"operation": "sts:AssumeRole"}, {"operation": "sts:Nothing", "fault": "hang"}]
)
def test_an_unknown_fault_is_answered_with_the_known_ones(aws: Aws, parameters: dict[str, str]) -> None:
    status, text = _control(aws, "POST", "/faults", **parameters)
    assert status == 400
    assert "throttle" in text
    assert "sts:AssumeRole" in text
