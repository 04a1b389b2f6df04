"""AWS failing over the real wire: whose fault it was, how many calls were made, and that no login is left over."""

import time
from collections.abc import Callable

import pytest

from sandbox.aws.server import Aws, AwsFault, FaultKind
from tests.service.front import Front, Log
from tests.service.policy import NOBODYS_ROLE

ASSUME = "sts:AssumeRole"
LOGIN = "ecr:GetAuthorizationToken"

FAULTS: list[tuple[str, FaultKind, int, str, int]] = [
    (ASSUME, "access-denied", 502, "role-refused", 1),
    (ASSUME, "throttle", 503, "aws-throttled", 3),
    (ASSUME, "server-error", 503, "aws-unavailable", 3),
    (ASSUME, "unavailable", 503, "aws-unavailable", 3),
    (ASSUME, "malformed", 503, "aws-unavailable", 1),
    (ASSUME, "drop", 503, "aws-unavailable", 3),
    (LOGIN, "access-denied", 502, "registry-refused", 1),
    (LOGIN, "throttle", 503, "aws-throttled", 3),
    (LOGIN, "server-error", 503, "aws-unavailable", 3),
    (LOGIN, "unavailable", 503, "aws-unavailable", 3),
    (LOGIN, "malformed", 503, "aws-unavailable", 1),
    (LOGIN, "drop", 503, "aws-unavailable", 3),
]


@pytest.mark.parametrize(("operation", "kind", "status", "reason", "attempts"), FAULTS)
def test_a_fault_of_aws_is_never_the_callers(
    front: Front, operation: str, kind: FaultKind, status: int, reason: str, attempts: int
) -> None:
    front.backends.aws.faults.plan(operation, AwsFault(kind=kind))
    answer = front.send(front.token(), "registry=apps")
    assert (answer.status, answer.reason) == (status, reason), answer.body
    assert "retry-after" in answer.headers if status == 503 else "retry-after" not in answer.headers
    assert "www-authenticate" not in answer.headers
    assert front.calls().count(operation) == attempts
    assert front.calls().count(LOGIN) == (attempts if operation == LOGIN else 0)


def test_a_callers_scope_is_never_our_fault(front: Front, log: Callable[[], Log]) -> None:
    scope = " ".join(f"repository:base/{number:02}{'x' * 60}:pull" for number in range(20))
    answer = front.send(front.token(), {"registry": "base", "scope": scope})
    assert (answer.status, answer.reason) == (400, "malformed-scope")
    assert "of them fit" in str(answer.fields["error_description"])
    assert front.calls() == []
    written = log()
    assert [(line["decision"], line["reason"]) for line in written.audit] == [("rejected", "malformed-scope")]
    assert [line["fault"] for line in written.metrics if "fault" in line] == ["caller"]


@pytest.mark.parametrize(
    ("operation", "kind", "fault"),
    [
        (ASSUME, "access-denied", "role-owner"),
        (LOGIN, "access-denied", "role-owner"),
        (ASSUME, "throttle", "upstream"),
        (LOGIN, "server-error", "upstream"),
    ],
)
def test_faults_of_role_owners_and_of_aws_are_counted_separately(
    front: Front, log: Callable[[], Log], operation: str, kind: FaultKind, fault: str
) -> None:
    front.backends.aws.faults.plan(operation, AwsFault(kind=kind))
    front.send(front.token(), "registry=apps")
    counted = [line for line in log().metrics if "Exchanges" in line]
    assert [(line["decision"], line["fault"]) for line in counted] == [("failed", fault)]


@pytest.mark.parametrize("operation", [ASSUME, LOGIN])
@pytest.mark.parametrize("kind", ["throttle", "server-error", "drop"])
def test_a_fault_gone_within_three_attempts_is_not_noticed(front: Front, operation: str, kind: str) -> None:
    faults: dict[str, FaultKind] = {"throttle": "throttle", "server-error": "server-error", "drop": "drop"}
    front.backends.aws.faults.plan(operation, AwsFault(kind=faults[kind]), times=2)
    assert front.send(front.token(), "registry=apps").status == 200
    assert front.calls().count(operation) == 3


@pytest.fixture
def hung(hanging: Aws, changed: Callable[[dict[str, str]], Front]) -> Front:
    """Start a handler before that AWS, and let it find the keys while nothing hangs yet."""
    front = changed({"AWS_ENDPOINT_URL_STS": hanging.url, "AWS_ENDPOINT_URL_ECR": hanging.url})
    assert front.send(front.token(), "registry=apps").status == 200
    return front


@pytest.mark.parametrize("operation", [ASSUME, LOGIN])
def test_a_call_that_hangs_is_given_up_in_time(
    hung: Front, hanging: Aws, operation: str, log: Callable[[], Log]
) -> None:
    hanging.faults.plan(operation, AwsFault(kind="hang"))
    log()
    started = time.monotonic()
    answer = hung.send(hung.token(), "registry=apps", remaining_seconds=1.3)
    assert (answer.status, answer.reason) == (503, "deadline-exceeded")
    assert time.monotonic() - started < 1.3
    (line,) = log().audit
    assert (line["decision"], line["reason"]) == ("failed", "deadline-exceeded")


def test_a_registry_that_hangs_does_not_keep_the_others(hung: Front, hanging: Aws, log: Callable[[], Log]) -> None:
    hanging.faults.plan(ASSUME, AwsFault(kind="hang"), times=1)
    log()
    answer = hung.send(hung.token(), "registry=apps&registry=base", remaining_seconds=1.3)
    assert answer.status == 200
    assert len(answer.texts("registries")) == 1
    assert [one["reason"] for one in answer.texts("failed")] == ["deadline-exceeded"]
    (line,) = log().audit
    timings = line["timings_ms"]
    # The time of the call that was abandoned is in the record.
    assert isinstance(timings, dict)
    assert isinstance(timings["sts"], float)
    assert timings["sts"] > 200


def test_without_time_left_nothing_is_called(front: Front) -> None:
    front.send(front.token(provider="github-actions"))
    front.backends.aws.forget_requests()
    answer = front.send(front.token(), "registry=apps", remaining_seconds=0.5)
    assert (answer.status, answer.reason) == (503, "deadline-exceeded")
    assert front.calls() == []


def test_a_refusing_role_is_named_with_the_error_of_aws(front: Front) -> None:
    answer = front.send(front.token(environment="broken"), "registry=broken")
    description, hint = str(answer.fields["error_description"]), str(answer.fields["hint"])
    assert NOBODYS_ROLE in description
    assert "AccessDenied" in description
    for cause in ("trust policy", "sts:TagSession", "sts:SetSourceIdentity", "external id"):
        assert cause in hint


def test_a_session_policy_that_does_not_fit_is_never_a_wider_one(front: Front) -> None:
    answer = front.send(front.token(environment="bulk"), "registry=bulk")
    assert (answer.status, answer.reason) == (502, "misconfigured")
    assert "2048" in str(answer.fields["error_description"])
    assert front.calls() == []


def test_the_first_login_is_recorded_where_the_second_fails(front: Front, log: Callable[[], Log]) -> None:
    answer = front.send(front.token(environment="broken"), "format=docker-config&registry=apps&registry=broken")
    assert answer.status == 502
    (line,) = log().audit
    grants = line["grants"]
    assert isinstance(grants, list)
    minted, failed = grants
    assert isinstance(minted, dict)
    assert isinstance(failed, dict)
    assert "access_key_id" in minted
    assert (failed["registry"], failed["reason"]) == ("broken", "role-refused")
    error = line["error"]
    assert isinstance(error, dict)
    assert error["class"] == "ClientError"


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}, 503, "aws-unavailable"),
        ({"AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:1"}, 503, "aws-unavailable"),
        ({"AWS_ENDPOINT_URL_STS": "nonsense"}, 502, "misconfigured"),
        ({"AWS_ENDPOINT_URL_ECR": "nonsense"}, 502, "misconfigured"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""}, 502, "misconfigured"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, 502, "misconfigured"),
        # The service's own credentials are wrong: ours to fix, and no token is bad.
        ({"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, 502, "role-refused"),
        ({"AWS_SESSION_TOKEN": "not-the-token"}, 502, "role-refused"),
    ],
)
def test_a_misconfigured_service_says_so(
    changed: Callable[[dict[str, str]], Front], changes: dict[str, str], status: int, reason: str
) -> None:
    front = changed(changes)
    answer = front.send(front.token(), "registry=apps")
    assert (answer.status, answer.reason) == (status, reason), answer.body
    for value in changes.values():
        assert value == "nonsense" or value not in answer.body or "127.0.0.1" in value or not value


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_REGION"])
def test_the_service_is_healthy_without_aws(changed: Callable[[dict[str, str]], Front], name: str) -> None:
    front = changed({name: ""})
    assert front.send(method="GET", path="/v1/health").status == 200
