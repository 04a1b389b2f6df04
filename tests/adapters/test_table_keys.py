"""Key sets in a DynamoDB over a real wire, and whatever else may be found there."""

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sandbox.loopback import Answer, Request, Server, Silence
from tests.fake_shared_keys import FakeSharedKeys
from tests.local_dynamodb import TABLE, LocalDynamoDb, local_dynamodb
from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls
from token_exchange.adapters.settings import SystemClock
from token_exchange.adapters.table import SharedKeysReader, SharedKeysWriter
from token_exchange.core.ports import Deadline
from token_exchange.issuer_keys.origins import SHARED_SECONDS, SharedKeysFailed, SharedKeysTable, StoredKeySet

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

NAME = "keys#0a1b"
JSON = (("content-type", "application/x-amz-json-1.0"),)
NOW = 1_795_165_260
LATEST = NOW + 60


def key_set(*, fetched_at: int = NOW, document: bytes = b'{"keys":[]}\xff') -> StoredKeySet:
    return StoredKeySet(issuer="https://ci.acme.example", document=document, fetched_at_seconds=fetched_at)


def soon(seconds: float = 30) -> Deadline:
    clock = SystemClock()
    return Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + seconds)


@pytest.fixture(scope="module")
def running() -> Iterator[LocalDynamoDb]:
    with local_dynamodb() as database:
        yield database


@pytest.fixture
def database(running: LocalDynamoDb) -> LocalDynamoDb:
    running.clear()
    return running


def writer_at(url: str, *, table: str = TABLE, region: str | None = "eu-west-1") -> SharedKeysWriter:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LocalDynamoDb.environment_for(url).items():
            patch.setenv(name, value)
        clients = AwsClients(region=region)
        if region is not None:
            clients.dynamodb()
    return SharedKeysWriter(clients=clients, calls=DeadlineCalls(), table=table)


@pytest.fixture(scope="module")
def writer(running: LocalDynamoDb) -> SharedKeysWriter:
    return writer_at(running.url)


@pytest.fixture(params=["real", "fake"])
def table(request: pytest.FixtureRequest, database: LocalDynamoDb, writer: SharedKeysWriter) -> SharedKeysTable:
    return writer if request.param == "real" else FakeSharedKeys()


class TestContract:
    """Of the real one and of the double that the other tests use."""

    def test_a_written_key_set_is_read(self, table: SharedKeysTable) -> None:
        assert table.read(NAME, deadline=soon()) is None
        assert table.write(NAME, key_set(), latest_seconds=LATEST, deadline=soon())
        assert table.read(NAME, deadline=soon()) == key_set()
        assert table.read("keys#other", deadline=soon()) is None

    @pytest.mark.parametrize(
        ("there", "put"),
        [
            (NOW - 1, True),
            # Fetched later, or in the same second.
            (NOW, False),
            (NOW + 1, False),
            (LATEST, False),
            # By a clock that went wrong.
            (LATEST + 1, True),
            (10**11, True),
        ],
    )
    def test_a_set_is_never_replaced_by_one_fetched_earlier(
        self, table: SharedKeysTable, there: int, *, put: bool
    ) -> None:
        table.write(NAME, key_set(fetched_at=there, document=b"there"), latest_seconds=10**12, deadline=soon())
        assert table.write(NAME, key_set(document=b"ours"), latest_seconds=LATEST, deadline=soon()) is put
        found = table.read(NAME, deadline=soon())
        assert found is not None
        assert found.document == (b"ours" if put else b"there")


def test_the_largest_set_that_an_issuer_may_send_fits(database: LocalDynamoDb, writer: SharedKeysWriter) -> None:
    largest = key_set(document=b"x" * 256 * 1024)
    assert writer.write(NAME, largest, latest_seconds=LATEST, deadline=soon())
    assert writer.read(NAME, deadline=soon()) == largest


def test_the_table_forgets_a_set_after_a_day(database: LocalDynamoDb, writer: SharedKeysWriter) -> None:
    writer.write(NAME, key_set(), latest_seconds=LATEST, deadline=soon())
    (item,) = database.client.scan(TableName=TABLE)["Items"]
    assert item["expires_at"] == {"N": str(NOW + 86_400)}


GOOD: "dict[str, AttributeValueTypeDef]" = {
    "issuer": {"S": "https://ci.acme.example"},
    "document": {"B": b"{}"},
    "fetched_at": {"N": str(NOW)},
}

CORRUPT: "list[dict[str, AttributeValueTypeDef]]" = [
    {},
    # Something is missing.
    {name: value for name, value in GOOD.items() if name != "issuer"},
    {name: value for name, value in GOOD.items() if name != "document"},
    {name: value for name, value in GOOD.items() if name != "fetched_at"},
    # Something is of another type.
    GOOD | {"issuer": {"B": b"https://ci.acme.example"}},
    GOOD | {"document": {"S": "{}"}},
    GOOD | {"document": {"M": {}}},
    GOOD | {"fetched_at": {"S": str(NOW)}},
    GOOD | {"fetched_at": {"NULL": True}},
    # No time.
    GOOD | {"fetched_at": {"N": "1.5"}},
    GOOD | {"fetched_at": {"N": "-1"}},
    GOOD | {"fetched_at": {"N": "1e100"}},
]


@pytest.mark.parametrize("item", CORRUPT)
def test_a_damaged_item_is_a_fault_until_it_is_replaced(
    database: LocalDynamoDb, writer: SharedKeysWriter, item: "dict[str, AttributeValueTypeDef]"
) -> None:
    database.client.put_item(TableName=TABLE, Item={"pk": {"S": NAME}, **item})
    with pytest.raises(SharedKeysFailed):
        writer.read(NAME, deadline=soon())
    next_run = key_set(fetched_at=NOW + 300)
    assert writer.write(NAME, next_run, latest_seconds=NOW + 360, deadline=soon())
    assert writer.read(NAME, deadline=soon()) == next_run


def test_a_missing_table_is_a_fault(database: LocalDynamoDb, writer: SharedKeysWriter) -> None:
    database.client.delete_table(TableName=TABLE)
    with pytest.raises(SharedKeysFailed, match="ResourceNotFoundException"):
        writer.read(NAME, deadline=soon())
    with pytest.raises(SharedKeysFailed, match="ResourceNotFoundException"):
        writer.write(NAME, key_set(), latest_seconds=LATEST, deadline=soon())


def test_without_a_region_it_is_a_fault(database: LocalDynamoDb) -> None:
    with pytest.raises(SharedKeysFailed, match="AWS_REGION"):
        writer_at(database.url, region=None).read(NAME, deadline=soon())


def test_a_reader_cannot_write() -> None:
    assert not hasattr(SharedKeysReader, "write")


FAULTS = [
    # What the table says when it will not, and when it cannot.
    (400, b'{"__type":"AccessDeniedException","message":"no identity-based policy allows it"}', "AccessDenied"),
    (400, b'{"__type":"ProvisionedThroughputExceededException","message":"slow down"}', "Throughput"),
    (500, b'{"__type":"InternalServerError"}', "InternalServerError"),
    (503, b"", "503"),
    # No DynamoDB at all.
    (200, b"\xff", ""),
    (200, b"[" * 20_000, ""),
    (200, b'{"Item": 3}', ""),
    (200, b'{"Item": {"issuer": 3}}', ""),
    (200, b'{"Item": {"issuer": {"S": "x"}, "document": {"B": "e30="}, "fetched_at": {"N": 1}}}', ""),
    (200, b'{"Item": {"issuer": {"S": "x"}, "document": {"B": "e30="}, "fetched_at": {"N": "\xd9\xa1"}}}', ""),
]


@pytest.fixture(scope="module")
def said() -> Iterator[list[Answer]]:
    answers = [Answer()]

    def answer(_request: Request) -> Answer:
        return answers[0]

    with Server(answer) as server:
        answers.append(Answer(body=f"http://127.0.0.1:{server.port}".encode()))
        yield answers


@pytest.mark.parametrize(("status", "body", "told"), FAULTS)
def test_any_answer_gives_a_key_set_or_a_fault(said: list[Answer], status: int, body: bytes, told: str) -> None:
    said[0] = Answer(status=status, headers=JSON, body=body)
    with pytest.raises(SharedKeysFailed) as failed:
        writer_at(said[1].body.decode()).read(NAME, deadline=soon())
    assert told in str(failed.value)


def test_an_error_page_is_not_a_written_set(said: list[Answer]) -> None:
    said[0] = Answer(body=b"<html>back soon")
    with pytest.raises(SharedKeysFailed, match="cannot be read"):
        writer_at(said[1].body.decode()).write(NAME, key_set(), latest_seconds=LATEST, deadline=soon())


def test_a_closed_connection_does_not_cost_a_second() -> None:
    """As after an environment was frozen: the far end has forgotten the connection that is kept here."""
    planned: list[Answer | Silence] = [Silence.DROP, Silence.DROP, Answer(headers=JSON, body=b"{}")]
    answers = iter(planned)

    with Server(lambda _request: next(answers)) as server:
        writer = writer_at(f"http://127.0.0.1:{server.port}")
        clock = SystemClock()
        began = clock.monotonic()
        assert writer.read(NAME, deadline=soon(SHARED_SECONDS)) is None
        assert clock.monotonic() - began < SHARED_SECONDS


def test_a_failing_table_is_tried_three_times() -> None:
    seen: list[Request] = []

    def fail(request: Request) -> Answer:
        seen.append(request)
        return Answer(status=500, headers=JSON, body=b'{"__type":"InternalServerError"}')

    with Server(fail) as server, pytest.raises(SharedKeysFailed):
        writer_at(f"http://127.0.0.1:{server.port}").read(NAME, deadline=soon())
    assert len(seen) == 3


def test_a_table_that_hangs_is_given_up_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        writer = writer_at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        clock = SystemClock()
        began = clock.monotonic()
        with pytest.raises(SharedKeysFailed, match="did not answer before"):
            writer.read(NAME, deadline=soon(0.1))
        assert clock.monotonic() - began < 1.5
