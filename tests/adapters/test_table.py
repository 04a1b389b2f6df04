"""Marks and counts: the same by the double and by a DynamoDB over the wire; and what a bad wire costs."""

import time
from collections.abc import Iterator

import pytest

from sandbox import account
from sandbox.aws.server import Aws
from sandbox.loopback import Answer, Request, Server, Silence
from tests.fake_state import FakeState
from token_exchange.adapters import table
from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls
from token_exchange.adapters.settings import SystemClock
from token_exchange.adapters.table import StateTable
from token_exchange.core.ports import Deadline, StateUnavailable

UNTIL = 1_900_000_000


def deadline(seconds: float = 10) -> Deadline:
    clock = SystemClock()
    return Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + seconds)


def table_at(url: str, name: str, patch: pytest.MonkeyPatch) -> StateTable:
    session = account.service_session(account.roles()[0])
    for variable, value in {
        "AWS_ENDPOINT_URL_DYNAMODB": url,
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(variable, value)
    clients = AwsClients(region=account.REGION)
    clients.dynamodb()
    return StateTable(clients=clients, calls=DeadlineCalls(), table=name)


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    roles = account.roles()
    with Aws(roles=roles, callers=[account.service_session(roles[0])]) as running:
        yield running


@pytest.fixture(params=["double", "wire"])
def state(request: pytest.FixtureRequest, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> FakeState | StateTable:
    return FakeState() if request.param == "double" else table_at(aws.url, aws.state.name, monkeypatch)


def test_a_mark_is_the_first_ones(state: FakeState | StateTable) -> None:
    mark = f"use#{time.monotonic_ns()}"
    assert state.set(mark, request_id="a", expires_at_seconds=UNTIL, deadline=deadline())
    assert not state.set(mark, request_id="b", expires_at_seconds=UNTIL, deadline=deadline())
    assert state.set(mark, request_id="a", expires_at_seconds=UNTIL, deadline=deadline())


def test_a_mark_is_released_only_by_its_owner(state: FakeState | StateTable) -> None:
    mark = f"use#{time.monotonic_ns()}"
    state.release(mark, request_id="a", deadline=deadline())
    assert state.set(mark, request_id="a", expires_at_seconds=UNTIL, deadline=deadline())
    state.release(mark, request_id="b", deadline=deadline())
    assert not state.set(mark, request_id="b", expires_at_seconds=UNTIL, deadline=deadline())
    state.release(mark, request_id="a", deadline=deadline())
    assert state.set(mark, request_id="b", expires_at_seconds=UNTIL, deadline=deadline())


def names_of_the_next_version(mark: str) -> tuple[str, ...]:
    kind, _, digest = mark.partition("#")
    return f"{kind}#1#{digest}", f"{kind}#2#{digest}"


@pytest.mark.parametrize("is_upgrade", [True, False])
def test_a_token_spent_by_one_version_is_spent_for_another(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, *, is_upgrade: bool
) -> None:
    state = table_at(aws.url, aws.state.name, monkeypatch)
    mark = f"use#{time.monotonic_ns()}"

    def spent(request_id: str, *, by_previous: bool) -> bool:
        with monkeypatch.context() as version:
            if not by_previous:
                version.setattr(table, "names_of", names_of_the_next_version)
            return state.set(mark, request_id=request_id, expires_at_seconds=UNTIL, deadline=deadline())

    assert spent("a", by_previous=is_upgrade)
    assert not spent("b", by_previous=not is_upgrade)
    # And what is taken back can be spent by either.
    with monkeypatch.context() as version:
        version.setattr(table, "names_of", names_of_the_next_version)
        state.release(mark, request_id="a", deadline=deadline())
    assert spent("b", by_previous=not is_upgrade)


def test_a_count_stops_at_its_maximum(state: FakeState | StateTable) -> None:
    count = f"budget#{time.monotonic_ns()}"
    added = [state.add(count, most=3, expires_at_seconds=UNTIL, deadline=deadline()) for _ in range(5)]
    assert added == [True, True, True, False, False]
    # A larger budget has room again.
    assert state.add(count, most=4, expires_at_seconds=UNTIL, deadline=deadline())


def test_written_items(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    state = table_at(aws.url, aws.state.name, monkeypatch)
    state.set("use#written", request_id="a", expires_at_seconds=UNTIL, deadline=deadline())
    state.add("budget#written", most=3, expires_at_seconds=UNTIL, deadline=deadline())
    items = aws.state.items()
    # Never change these names: add a version. A name that changes makes every spent token spendable once more.
    assert items["use#1#written"] == {"request_id": "a", "expires_at": str(UNTIL)}
    assert "use#written" not in items
    assert items["budget#written"] == {"exchanges": "1", "expires_at": str(UNTIL)}


@pytest.mark.parametrize("name", ["keys#forged", "other", ""])
def test_only_marks_and_counts_can_be_written(aws: Aws, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    state = table_at(aws.url, aws.state.name, monkeypatch)
    with pytest.raises(StateUnavailable, match=r"AccessDenied|ValidationException"):
        state.set(name, request_id="a", expires_at_seconds=UNTIL, deadline=deadline())


def test_a_missing_table_is_unavailable(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    state = table_at(aws.url, "state-of-nobody", monkeypatch)
    with pytest.raises(StateUnavailable, match="ResourceNotFoundException"):
        state.set("use#x", request_id="a", expires_at_seconds=UNTIL, deadline=deadline())


# ------------------------------------------------------------------------------------------------------ a bad wire


class Wire:
    """A DynamoDB that says what it is told to say."""

    def __init__(self) -> None:
        self.answer: Answer | Silence = Answer()
        self.server = Server(self._handle)

    def _handle(self, _request: Request) -> Answer | Silence:
        return self.answer


@pytest.fixture
def wire() -> Iterator[Wire]:
    running = Wire()
    with running.server:
        yield running


@pytest.mark.parametrize(
    "answer",
    [
        # No DynamoDB answers so; taken for success, each would be a second use.
        Answer(body=b"<html>back soon"),
        Answer(body=b"{}"),
        Answer(body=b""),
        Answer(body=b"[]"),
        Answer(body=b'"ConsumedCapacity"'),
        Answer(status=204),
        # And so none should.
        Answer(status=400, body=b"<html>"),
        Answer(status=403, body=b'{"__type": "AccessDeniedException"}'),
        Answer(status=500, body=b""),
        Silence.DROP,
    ],
)
def test_an_unusable_answer_is_not_a_write(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, answer: Answer | Silence
) -> None:
    state = table_at(f"http://127.0.0.1:{wire.server.port}", "state", monkeypatch)
    wire.answer = answer
    with pytest.raises(StateUnavailable):
        state.set("use#x", request_id="a", expires_at_seconds=UNTIL, deadline=deadline())


def test_a_table_that_hangs_costs_what_the_deadline_allows(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    state = table_at(f"http://127.0.0.1:{wire.server.port}", "state", monkeypatch)
    wire.answer = Silence.HANG
    started = time.monotonic()
    with pytest.raises(StateUnavailable, match="before the request's deadline"):
        state.add("budget#x", most=1, expires_at_seconds=UNTIL, deadline=deadline(0.3))
    assert 0.2 < time.monotonic() - started < 2
