"""The brake at the running handler: set with a plain write, it stops exactly the runs that it names."""

from collections.abc import Callable, Iterator

import pytest

from sandbox.aws.server import AwsFault
from tests.service.front import Front, Log
from token_exchange.loading import brake as brake_module

type StartChanged = Callable[[dict[str, str]], Front]
type ReadLog = Callable[[], Log]

LEAK = "deny: [{name: leaked-shop, issuers: [github], match: {repository: acme/shop}}]"


@pytest.fixture
def braked(front: Front, changed: StartChanged, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    monkeypatch.setattr(brake_module, "BRAKE_MAX_AGE_SECONDS", 0.0)
    yield changed(with_brake(front))
    front.backends.aws.state.brake.clear()


def with_brake(front: Front) -> dict[str, str]:
    return {"TOKEN_EXCHANGE_BRAKE_TABLE": front.backends.aws.state.brake_name}


def put(front: Front, item: dict[str, object]) -> None:
    front.backends.aws.state.brake["brake"] = {"pk": {"S": "brake"}, **item}


def test_the_brake_stops_only_what_it_matches(braked: Front, log: ReadLog) -> None:
    assert braked.send(braked.token()).status == 200
    log()
    put(braked, {"document": {"S": LEAK}})
    assert braked.send(braked.token()).reason == "denied"
    assert braked.send(braked.token(repository="acme/shed")).status == 200
    written = log()
    assert [line.get("deny_rule") for line in written.audit] == ["leaked-shop", None]
    assert {line["brake_sha256"] for line in written.audit} == {written.events[0]["brake_sha256"]}
    assert [(line["event"], line["rules"]) for line in written.events] == [("brake-changed", 1)]
    braked.backends.aws.state.brake.clear()
    assert braked.send(braked.token()).status == 200
    assert [(line["event"], line["rules"]) for line in log().events] == [("brake-changed", 0)]


@pytest.mark.parametrize("item", [{"document": {"S": "deny: everything"}}, {"documnet": {"S": LEAK}}, {}])
def test_a_brake_that_cannot_be_read_stops_everything(braked: Front, log: ReadLog, item: dict[str, object]) -> None:
    put(braked, item)
    assert braked.send(braked.token(repository="acme/shed")).reason == "policy-unavailable"
    written = log()
    assert {line["event"] for line in written.events} == {"brake-failed"}
    assert sum("BrakeFailed" in line for line in written.metrics) == len(written.events)
    assert "sts:AssumeRole" not in braked.calls()


# An error page with status 200 is no answer either: it must not count as a table without a brake.
@pytest.mark.parametrize("fault", [AwsFault(kind="access-denied"), AwsFault(kind="malformed")])
def test_while_the_table_is_down_the_brake_stays(braked: Front, fault: AwsFault) -> None:
    put(braked, {"document": {"S": LEAK}})
    assert braked.send(braked.token()).reason == "denied"
    braked.backends.aws.faults.plan("dynamodb:GetItem", fault)
    assert braked.send(braked.token()).reason == "denied"
    assert braked.send(braked.token(repository="acme/shed")).status == 200


@pytest.mark.parametrize("fault", [AwsFault(kind="access-denied"), AwsFault(kind="malformed")])
def test_a_cold_start_without_the_brake_grants_nothing(front: Front, changed: StartChanged, fault: AwsFault) -> None:
    front.backends.aws.faults.plan("dynamodb:GetItem", fault)
    started = changed(with_brake(front))
    assert started.send(started.token()).reason == "policy-unavailable"
    assert "sts:AssumeRole" not in started.calls()


def test_a_service_without_a_table_of_the_brake_reads_none(changed: StartChanged) -> None:
    started = changed({})
    assert started.send(started.token()).status == 200
    read = {seen.parameters["TableName"] for seen in started.backends.aws.requests("dynamodb:GetItem")}
    assert started.backends.aws.state.brake_name not in read
