"""Tokens that count once, through the handler and over the wire to a DynamoDB."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.aws.server import Aws, AwsFault, FaultKind
from tests.service.front import EXCHANGE_FORM, Front, Log
from token_exchange.core.ports import Json

type StartChanged = Callable[[dict[str, str]], Front]

QUERY = {"registry": "once"}
PUT, DELETE = "dynamodb:PutItem", "dynamodb:DeleteItem"
SPENT, RELEASED = [PUT], [DELETE]


def once(front: Front) -> str:
    return front.token(environment="once")


def marks(front: Front) -> dict[str, dict[str, str]]:
    return {name: item for name, item in front.backends.aws.state.items().items() if name.startswith("use#")}


def failures(found: Log) -> list[Json]:
    """Return what the table was said not to have done; the first test of all has keys to tell of, too."""
    return [event["task"] for event in found.events if event["event"] == "state-failed"]


def test_the_second_use_is_refused_without_a_call_of_aws(front: Front, log: Callable[[], Log]) -> None:
    token = once(front)
    first = front.send(token, QUERY)
    assert first.status == 200
    assert front.calls() == [*SPENT, "sts:AssumeRole", "ecr:GetAuthorizationToken"]
    front.backends.aws.forget_requests()
    log()
    answer = front.send(token, QUERY)
    assert (answer.status, answer.reason, answer.fields["error"]) == (401, "replayed", "invalid_token")
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert front.calls() == [PUT]
    (record,) = log().audit
    assert (record["decision"], record["reason"], record["status"]) == ("denied", "replayed", 401)
    assert "state" in str(record["timings_ms"])


def test_with_rfc_8693_parameters_a_replay_is_a_bad_request(front: Front) -> None:
    token = once(front)
    form = {**EXCHANGE_FORM, "subject_token": token}
    assert front.send(form=form, query=QUERY).status == 200
    answer = front.send(form=form, query=QUERY)
    assert (answer.status, answer.fields["error"], answer.reason) == (400, "invalid_request", "replayed")


def test_the_mark_holds_only_its_owner_and_its_end(front: Front) -> None:
    before = set(marks(front))
    answer = front.send(once(front), QUERY)
    found = {name: item for name, item in marks(front).items() if name not in before}
    ((name, item),) = found.items()
    assert re.fullmatch("use#1#[0-9a-f]{64}", name)
    assert item.keys() == {"request_id", "expires_at"}
    assert item["request_id"] == answer.fields["request_id"]


def test_grants_without_single_use_write_nothing(front: Front) -> None:
    token = once(front)
    for _ in range(2):
        assert front.send(token, {"registry": "base"}).status == 200
    assert PUT not in front.calls()
    assert front.send(token, QUERY).status == 200
    assert front.send(token, {"registry": "base"}).status == 200


def test_several_registries_in_one_request_are_one_use(front: Front) -> None:
    token = once(front)
    answer = front.send(token)
    assert answer.status == 200
    assert {str(entry["name"]) for entry in answer.texts("registries")} >= {"once", "base"}
    assert front.calls().count(PUT) == len(SPENT)
    assert front.send(token).reason == "replayed"


def test_a_token_without_an_id_counts_once_too(front: Front) -> None:
    token = front.token(environment="once", without=["jti"])
    assert front.send(token, QUERY).status == 200
    assert front.send(token, QUERY).reason == "replayed"


def test_the_same_claims_with_another_id_are_another_token(front: Front) -> None:
    assert front.send(front.token(environment="once", jti="one-of-two"), QUERY).status == 200
    assert front.send(front.token(environment="once", jti="two-of-two"), QUERY).status == 200
    assert front.send(front.token(environment="once", jti="two-of-two"), QUERY).reason == "replayed"


@pytest.mark.parametrize("operation", ["sts:AssumeRole", "ecr:GetAuthorizationToken"])
def test_a_token_that_brought_nothing_can_be_used_again(front: Front, operation: str) -> None:
    token = once(front)
    front.backends.aws.faults.plan(operation, AwsFault(kind="access-denied"))
    assert front.send(token, QUERY).status == 502
    assert front.calls()[-1] == DELETE
    front.backends.aws.faults.clear()
    assert front.send(token, QUERY).status == 200


def test_explaining_and_refusing_spend_nothing(front: Front) -> None:
    token = once(front)
    assert front.send(token, QUERY, path="/v1/explain").fields["decision"] == "granted"
    assert front.send(token, {"registry": "apps", "grant": "release"}).status == 403
    assert front.calls() == []
    assert front.send(token, QUERY).status == 200


FAULTS: list[FaultKind] = ["throttle", "server-error", "unavailable", "access-denied", "malformed", "drop"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_table_that_fails_is_never_a_silent_second_use(
    front: Front, log: Callable[[], Log], fault: FaultKind
) -> None:
    token = once(front)
    assert front.send(token, QUERY).status == 200
    front.backends.aws.faults.plan(PUT, AwsFault(kind=fault))
    front.backends.aws.forget_requests()
    log()
    answer = front.send(token, QUERY)
    assert (answer.status, answer.reason) == (503, "state-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "sts:AssumeRole" not in front.calls()
    found = log()
    assert failures(found) == ["spend"]
    assert [line["StateFailed"] for line in found.metrics if "StateFailed" in line] == [[1.0]]
    assert found.audit[0]["decision"] == "failed"
    front.backends.aws.faults.clear()
    # The failure was of a second use, and it is one still.
    assert front.send(token, QUERY).reason == "replayed"


def test_a_retried_write_is_not_a_second_use(front: Front) -> None:
    """The first attempt has set the mark and its answer is lost: the next finds the mark of its own request."""
    token = once(front)
    before = set(marks(front))
    front.backends.aws.faults.plan(PUT, AwsFault(kind="lost"), times=2)
    assert front.send(token, QUERY).status == 200
    assert front.calls() == [PUT, PUT, *SPENT, "sts:AssumeRole", "ecr:GetAuthorizationToken"]
    assert len(marks(front).keys() - before) == len(SPENT)
    assert front.send(token, QUERY).reason == "replayed"


def test_a_mark_without_an_answer_is_taken_back(front: Front) -> None:
    token = once(front)
    before = set(marks(front))
    front.backends.aws.faults.plan(PUT, AwsFault(kind="lost"))
    assert front.send(token, QUERY).reason == "state-unavailable"
    assert front.calls() == [PUT, PUT, PUT, *RELEASED]
    assert set(marks(front)) == before
    front.backends.aws.faults.clear()
    assert front.send(token, QUERY).status == 200


RELEASE_FAULTS: list[tuple[FaultKind, int, Json]] = [
    ("access-denied", 401, "replayed"),
    ("server-error", 401, "replayed"),
    ("drop", 401, "replayed"),
    # It was done, and no answer said so.
    ("lost", 200, None),
]


@pytest.mark.parametrize(("fault", "status", "reason"), RELEASE_FAULTS)
def test_a_failed_release_changes_no_answer_and_is_reported(
    front: Front, log: Callable[[], Log], fault: FaultKind, status: int, reason: Json
) -> None:
    token = once(front)
    front.backends.aws.faults.plan("sts:AssumeRole", AwsFault(kind="access-denied"))
    front.backends.aws.faults.plan(DELETE, AwsFault(kind=fault))
    log()
    assert front.send(token, QUERY).reason == "role-refused"
    assert failures(log()) == ["release"]
    front.backends.aws.faults.clear()
    answer = front.send(token, QUERY)
    assert (answer.status, answer.fields.get("reason")) == (status, reason)


def test_a_retried_release_that_finds_nothing_succeeds(front: Front, log: Callable[[], Log]) -> None:
    token = once(front)
    front.backends.aws.faults.plan("sts:AssumeRole", AwsFault(kind="access-denied"), times=1)
    front.backends.aws.faults.plan(DELETE, AwsFault(kind="lost"), times=1)
    log()
    assert front.send(token, QUERY).reason == "role-refused"
    assert front.calls() == [*SPENT, "sts:AssumeRole", DELETE, *RELEASED]
    assert failures(log()) == []
    assert front.send(token, QUERY).status == 200


def test_a_table_that_hangs_is_given_up_in_time(
    front: Front, hanging: Aws, changed: StartChanged, log: Callable[[], Log]
) -> None:
    environment = changed({"AWS_ENDPOINT_URL_DYNAMODB": hanging.url, "TOKEN_EXCHANGE_STATE_TABLE": hanging.state.name})
    assert environment.send(once(front), QUERY).status == 200
    spent = hanging.state.items()
    hanging.faults.plan(PUT, AwsFault(kind="hang"))
    front.backends.aws.forget_requests()
    log()
    started = time.monotonic()
    answer = environment.send(once(front), QUERY, remaining_seconds=1.5)
    assert (answer.status, answer.reason) == (503, "state-unavailable")
    assert 0.4 < time.monotonic() - started < 1.5
    assert front.calls() == []
    assert hanging.state.items() == spent
    (record,) = log().audit
    assert (record["decision"], record["reason"]) == ("failed", "state-unavailable")


def test_of_many_environments_with_one_token_one_wins(front: Front, changed: StartChanged) -> None:
    token = once(front)
    environments = [changed({}) for _ in range(3)]
    with ThreadPoolExecutor(max_workers=12) as threads:
        answers = list(threads.map(lambda n: environments[n % 3].send(token, QUERY), range(24)))
    assert sorted({answer.status for answer in answers}) == [200, 401]
    assert [answer.status for answer in answers].count(200) == 1
    assert {str(answer.reason) for answer in answers if answer.status == 401} == {"replayed"}


def test_without_a_table_such_a_policy_is_not_in_force(changed: StartChanged, log: Callable[[], Log]) -> None:
    front = changed({"TOKEN_EXCHANGE_STATE_TABLE": ""})
    assert front.send(once(front), QUERY).reason == "policy-unavailable"
    problems = str([event["problems"] for event in log().events if event["event"] == "policy-not-loaded"])
    assert "single_use: requires a state table" in problems
