"""Budgets, through the handler and over the wire to a DynamoDB."""

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.aws.server import Aws, AwsFault, FaultKind
from tests.service.front import Answer, Front, Log
from tests.service.policy import policy_with_budget
from token_exchange.adapters.budgets import COUNT_SECONDS

type StartChanged = Callable[[dict[str, str]], Front]

UPDATE = "dynamodb:UpdateItem"


@pytest.fixture
def policy(front: Front, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Write a policy that lets each repository exchange twice a day, and return what names it."""
    path = tmp_path_factory.mktemp("budgets") / "policy.yaml"
    path.write_text(policy_with_budget(front.backends.issuer, exchanges=2))
    return {"TOKEN_EXCHANGE_POLICY": f"file:{path}"}


@pytest.fixture
def limited(policy: dict[str, str], changed: StartChanged) -> Front:
    return changed(policy)


@pytest.fixture
def send(limited: Front) -> Callable[[], Answer]:
    """Exchange as a repository whose budget is unused."""
    project = f"acme/{uuid.uuid4().hex}"

    def send() -> Answer:
        return limited.send(limited.token(provider="generic", project=project))

    return send


def test_a_runaway_pipeline_is_stopped_before_aws_is_called(
    front: Front, send: Callable[[], Answer], log: Callable[[], Log]
) -> None:
    assert [send().status for _ in range(2)] == [200, 200]
    front.backends.aws.forget_requests()
    log()
    answer = send()
    assert (answer.status, answer.reason, answer.fields["error"]) == (
        429,
        "too-many-requests",
        "temporarily_unavailable",
    )
    assert 1 <= int(answer.headers["retry-after"]) <= 24 * 3600
    assert "2 exchanges every 24h for this repository" in str(answer.fields["error_description"])
    assert front.calls() == [UPDATE]
    (record,) = log().audit
    assert (record["decision"], record["reason"]) == ("rejected", "too-many-requests")


def test_each_repository_has_its_own_budget(limited: Front, send: Callable[[], Answer]) -> None:
    for _ in range(2):
        send()
    other = limited.token(provider="generic", project=f"acme/{uuid.uuid4().hex}")
    assert send().status == 429
    assert limited.send(other).status == 200


def test_a_count_holds_no_name(front: Front, send: Callable[[], Answer]) -> None:
    before = set(front.backends.aws.state.items())
    send()
    ((name, item),) = [(name, item) for name, item in front.backends.aws.state.items().items() if name not in before]
    assert name.startswith("budget#1#")
    assert len(name) == len("budget#1#") + 64
    assert item.keys() == {"exchanges", "expires_at"}


def test_refusals_and_explanations_are_not_counted(limited: Front) -> None:
    assert limited.send(limited.token(provider="generic", tenant="globex")).reason == "organization-not-allowed"
    explained = limited.send(limited.token(provider="generic"), path="/v1/explain")
    assert explained.fields["decision"] == "granted"
    assert limited.calls() == []


FAULTS: list[FaultKind] = ["throttle", "server-error", "access-denied", "malformed", "drop"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_table_lets_exchanges_pass_and_is_counted(
    front: Front, send: Callable[[], Answer], log: Callable[[], Log], fault: FaultKind
) -> None:
    front.backends.aws.faults.plan(UPDATE, AwsFault(kind=fault))
    log()
    assert [send().status for _ in range(3)] == [200, 200, 200]
    found = log()
    failed = [event for event in found.events if event["event"] == "state-failed"]
    assert [event["task"] for event in failed] == ["budget"] * 3
    assert len([line for line in found.metrics if "StateFailed" in line]) == 3


def test_concurrent_environments_share_one_budget(
    limited: Front, policy: dict[str, str], changed: StartChanged
) -> None:
    environments = [changed(policy) for _ in range(3)]
    project = f"acme/{uuid.uuid4().hex}"
    tokens = [limited.token(provider="generic", project=project) for _ in range(12)]
    with ThreadPoolExecutor(max_workers=12) as threads:
        answers = list(threads.map(lambda n: environments[n % 3].send(tokens[n]), range(12)))
    assert sorted(answer.status for answer in answers) == [200] * 2 + [429] * 10


def test_a_count_with_a_lost_answer_counts_twice(
    front: Front, send: Callable[[], Answer], log: Callable[[], Log]
) -> None:
    front.backends.aws.faults.plan(UPDATE, AwsFault(kind="lost"), times=1)
    assert send().status == 200
    assert front.calls() == [UPDATE, UPDATE, "sts:AssumeRole", "ecr:GetAuthorizationToken"]
    # Early and never late: two were allowed, and one exchange took both.
    assert send().status == 429
    assert [event for event in log().events if event["event"] == "state-failed"] == []


def test_a_table_that_hangs_holds_an_exchange_up_for_a_second(
    front: Front,
    hanging: Aws,
    policy: dict[str, str],
    changed: StartChanged,
    log: Callable[[], Log],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("token_exchange.adapters.budgets.COUNT_SECONDS", COUNT_SECONDS)
    table = {"AWS_ENDPOINT_URL_DYNAMODB": hanging.url, "TOKEN_EXCHANGE_STATE_TABLE": hanging.state.name}
    environment = changed(policy | table)
    assert environment.send(front.token(provider="generic")).status == 200
    counted = hanging.state.items()
    hanging.faults.plan(UPDATE, AwsFault(kind="hang"))
    log()
    started = time.monotonic()
    assert environment.send(front.token(provider="generic")).status == 200
    assert COUNT_SECONDS - 0.1 < time.monotonic() - started < COUNT_SECONDS + 2
    assert hanging.state.items() == counted
    assert [event["task"] for event in log().events if event["event"] == "state-failed"] == ["budget"]
