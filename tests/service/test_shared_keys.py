"""The refresher and the exchange as they are deployed: real handlers, a DynamoDB and a CI issuer over the wire."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.issuer import IssuerFault
from tests.local_dynamodb import TABLE, LocalDynamoDb, local_dynamodb
from tests.service.front import Front, Log
from token_exchange import refresher
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused

type StartChanged = Callable[[dict[str, str]], Front]
type ReadLog = Callable[[], Log]

ENTRIES = ["builds", "github", "github-trial"]


@pytest.fixture(scope="module")
def running() -> Iterator[LocalDynamoDb]:
    with local_dynamodb() as database:
        yield database


@pytest.fixture
def database(running: LocalDynamoDb) -> LocalDynamoDb:
    running.clear()
    return running


@pytest.fixture
def variables(database: LocalDynamoDb) -> dict[str, str]:
    return {"TOKEN_EXCHANGE_STATE_TABLE": TABLE, "AWS_ENDPOINT_URL_DYNAMODB": database.url}


@pytest.fixture
def cold(front: Front, changed: StartChanged, variables: dict[str, str]) -> Callable[[], Front]:
    """Start an environment that knows nothing yet, and count its fetches from zero."""

    def start_cold() -> Front:
        front.backends.issuer.reset_counts()
        return changed(variables)

    return start_cold


@pytest.fixture
def refresh(changed: StartChanged, variables: dict[str, str]) -> Callable[[], dict[str, list[str]]]:
    """Run the refresher in an environment of its own, as the schedule does."""

    def run() -> dict[str, list[str]]:
        changed(variables)
        handler = refresher.start(str(Path(__file__)))
        result = handler({"source": "aws.events"}, None)
        assert json.loads(json.dumps(result)) == result
        return {outcome: sorted(entries) for outcome, entries in result.items()}

    return run


def fetches(front: Front) -> int:
    return sum(front.backends.issuer.count("github-actions", document) for document in ("discovery", "keys"))


def events_of(log: Log, code: str) -> list[dict[str, Json]]:
    return [line for line in log.events if line["event"] == code]


class TestRefresher:
    def test_it_shares_every_issuers_keys(
        self, refresh: Callable[[], dict[str, list[str]]], database: LocalDynamoDb, log: ReadLog
    ) -> None:
        assert refresh() == {"refreshed": ENTRIES, "kept": [], "failed": []}
        names = database.names()
        assert len(names) == 2, "two entries of one issuer share a set"
        assert all(name.startswith("keys#") for name in names)
        lines = log()
        (ended,) = events_of(lines, "issuer-keys-run")
        assert ended["outcomes"] == dict.fromkeys(ENTRIES, "refreshed")
        assert sorted(str(line["issuer"]) for line in events_of(lines, "issuer-keys-refreshed")) == ENTRIES
        assert sum("IssuerKeysAge" in line for line in lines.metrics) == 3

    def test_one_failing_issuer_stops_no_other(
        self, front: Front, refresh: Callable[[], dict[str, list[str]]], log: ReadLog
    ) -> None:
        refresh()
        log()
        front.backends.issuer.faults.plan(("generic", "keys"), IssuerFault(kind="error-page"))
        # Within the same second of the first run the set that is there stays.
        outcomes = refresh()
        lines = log()
        assert outcomes["failed"] == ["builds"], lines.text
        (failed,) = events_of(lines, "issuer-keys-refresh-failed")
        assert failed["issuer"] == "builds"
        assert sum("IssuerKeysRefreshFailed" in line for line in lines.metrics) == 1
        (age,) = [line for line in lines.metrics if "IssuerKeysAge" in line and line["issuer"] == "builds"]
        assert age["IssuerKeysAge"]

    def test_without_a_table_a_run_fails_loudly(self, changed: StartChanged) -> None:
        changed({"TOKEN_EXCHANGE_STATE_TABLE": ""})
        handler = refresher.start(str(Path(__file__)))
        with pytest.raises(Refused, match="TOKEN_EXCHANGE_STATE_TABLE") as refused:
            handler({}, None)
        assert refused.value.reason is Reason.MISCONFIGURED

    def test_without_a_policy_a_run_fails_loudly(
        self, changed: StartChanged, variables: dict[str, str], database: LocalDynamoDb
    ) -> None:
        changed(variables | {"TOKEN_EXCHANGE_POLICY": "file:nowhere.yaml"})
        handler = refresher.start(str(Path(__file__)))
        with pytest.raises(Refused) as refused:
            handler({}, None)
        assert refused.value.reason is Reason.POLICY_UNAVAILABLE
        assert database.names() == []

    def test_a_missing_table_fails_every_issuer_and_not_the_run(
        self, refresh: Callable[[], dict[str, list[str]]], database: LocalDynamoDb, log: ReadLog
    ) -> None:
        database.client.delete_table(TableName=TABLE)
        assert refresh() == {"refreshed": [], "kept": [], "failed": ENTRIES}
        assert len(events_of(log(), "shared-keys-failed")) == 3

    def test_a_run_ends_before_lambda_does(self, changed: StartChanged, variables: dict[str, str]) -> None:
        class Context:
            @staticmethod
            def get_remaining_time_in_millis() -> int:
                return 2_000  # what is kept for the end, and nothing more

        changed(variables)
        handler = refresher.start(str(Path(__file__)))
        assert sorted(handler({}, Context())["failed"]) == ENTRIES


class TestColdExchange:
    def test_after_a_run_no_cold_environment_contacts_the_issuer(
        self, refresh: Callable[[], dict[str, list[str]]], cold: Callable[[], Front], good_token: str, log: ReadLog
    ) -> None:
        refresh()
        for _ in range(3):
            front = cold()
            log()
            assert front.send(good_token, "registry=apps").status == 200
            assert fetches(front) == 0
            (line,) = events_of(log(), "issuer-keys-refreshed")
            assert line["from"] == "table"

    def test_it_logs_in_while_the_issuer_is_down(
        self, refresh: Callable[[], dict[str, list[str]]], cold: Callable[[], Front], good_token: str
    ) -> None:
        refresh()
        front = cold()
        front.backends.issuer.faults.plan(("github-actions", "discovery"), IssuerFault(kind="drop"))
        assert front.send(good_token, "registry=apps").status == 200

    def test_an_empty_table_costs_one_fetch_and_stays_empty(
        self, cold: Callable[[], Front], database: LocalDynamoDb, good_token: str, log: ReadLog
    ) -> None:
        front = cold()
        for _ in range(2):
            assert front.send(good_token, "registry=apps").status == 200
        assert fetches(front) == 2, "two documents, once"
        assert database.names() == [], "the exchange writes no key sets"
        assert events_of(log(), "shared-keys-failed") == []

    def test_a_missing_table_costs_one_fetch(
        self, cold: Callable[[], Front], database: LocalDynamoDb, good_token: str, log: ReadLog
    ) -> None:
        database.client.delete_table(TableName=TABLE)
        front = cold()
        assert front.send(good_token, "registry=apps").status == 200
        assert fetches(front) == 2
        lines = log()
        assert [line["issuer"] for line in events_of(lines, "shared-keys-failed")] == ["github"]
        assert sum("SharedKeysFailed" in line for line in lines.metrics) == 1

    def test_an_unreachable_table_costs_no_exchange(
        self, changed: StartChanged, variables: dict[str, str], good_token: str
    ) -> None:
        unreachable = variables | {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}
        assert changed(unreachable).send(good_token, "registry=apps").status == 200

    def test_foreign_keys_in_the_table_verify_nothing(
        self,
        refresh: Callable[[], dict[str, list[str]]],
        cold: Callable[[], Front],
        database: LocalDynamoDb,
        good_token: str,
        log: ReadLog,
    ) -> None:
        refresh()
        items = database.client.scan(TableName=TABLE)["Items"]
        first, second = items
        # Each is given the other's set, whole and good, under its own name.
        for mine, other in ((first, second), (second, first)):
            database.client.put_item(TableName=TABLE, Item={**other, "pk": mine["pk"]})
        front = cold()
        assert front.send(good_token, "registry=apps").status == 200
        assert fetches(front) == 2
        (failed,) = events_of(log(), "shared-keys-failed")
        assert "another issuer" in str(failed["cause"])
