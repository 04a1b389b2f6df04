"""The state table: marks of spent tokens, counts of exchanges, and key sets shared by all environments.

Source: DynamoDB API Reference, PutItem, GetItem, DeleteItem and UpdateItem; Developer Guide, "Condition expressions".
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls, call_aws
from token_exchange.core.ports import Deadline, StateUnavailable
from token_exchange.core.refusals import Reason, Refused
from token_exchange.issuer_keys.shared import SharedKeysFailed, StoredKeySet
from token_exchange.issuer_keys.timing import USABLE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


type _Write = Callable[["DynamoDBClient"], Mapping[str, object]]

_OURS: Final = "request_id = :request_id"


class StateTable:
    """Fulfils `UseMarks` and `BudgetCounts`; every task is one conditional write."""

    def __init__(self, *, clients: AwsClients, calls: DeadlineCalls, table: str) -> None:
        self._clients = clients
        self._calls = calls
        self._table = table

    def set(self, mark: str, *, request_id: str, expires_at_seconds: int, deadline: Deadline) -> bool:
        """Set `mark` for this request, and say whether it is this request's.

        A write whose answer was lost is made again by the client: finding our own mark is no other's use.

        Raises:
            StateUnavailable: whether it is set cannot be known.
        """
        return self._written(
            lambda client: client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": mark},
                    "request_id": {"S": request_id},
                    "expires_at": {"N": str(expires_at_seconds)},
                },
                ConditionExpression=f"attribute_not_exists(pk) OR {_OURS}",
                ExpressionAttributeValues={":request_id": {"S": request_id}},
                ReturnConsumedCapacity="TOTAL",
            ),
            deadline,
        )

    def release(self, mark: str, *, request_id: str, deadline: Deadline) -> None:
        """Remove `mark` where it is this request's.

        Raises:
            StateUnavailable: it may still be there.
        """
        self._written(
            lambda client: client.delete_item(
                TableName=self._table,
                Key={"pk": {"S": mark}},
                ConditionExpression=_OURS,
                ExpressionAttributeValues={":request_id": {"S": request_id}},
                ReturnConsumedCapacity="TOTAL",
            ),
            deadline,
        )

    def add(self, count: str, *, most: int, expires_at_seconds: int, deadline: Deadline) -> bool:
        """Add one to `count` unless it has reached `most`, and say whether it was added.

        A lost answer makes the client add again: a budget may be spent by a few exchanges fewer, never by more.

        Raises:
            StateUnavailable: whether it was added cannot be known.
        """
        return self._written(
            lambda client: client.update_item(
                TableName=self._table,
                Key={"pk": {"S": count}},
                UpdateExpression="SET expires_at = :expires_at ADD exchanges :one",
                ConditionExpression="attribute_not_exists(exchanges) OR exchanges < :most",
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":most": {"N": str(most)},
                    ":expires_at": {"N": str(expires_at_seconds)},
                },
                ReturnConsumedCapacity="TOTAL",
            ),
            deadline,
        )

    def _written(self, write: _Write, deadline: Deadline) -> bool:
        """Say whether the condition of `write` held."""
        try:
            client = self._clients.dynamodb()
            return self._calls.call(
                lambda: call_aws(
                    lambda: _held(write, client),
                    refusal=Reason.STATE_UNAVAILABLE,
                    subject=f"the state table {self._table}",
                ),
                deadline=deadline,
            )
        except Refused as refused:
            raise StateUnavailable(refused.description) from refused


def _held(write: _Write, client: "DynamoDBClient") -> bool:
    try:
        answer = write(client)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
            return False
        raise
    if "ConsumedCapacity" not in answer:
        # botocore takes any body of a 200 for the empty answer of a write: an error page would spend a token.
        raise ValueError("the answer does not say what was written")
    return True


_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)

_NOTHING_LATER: Final = (
    "attribute_not_exists(pk) OR NOT attribute_type(fetched_at, :number) "
    "OR fetched_at < :fetched_at OR fetched_at > :latest"
)
"""Whatever is no time at all gives way too, or a broken item would bar the way until it expires."""


class SharedKeysReader:
    """Fulfils `SharedKeys`."""

    def __init__(self, *, clients: AwsClients, calls: DeadlineCalls, table: str) -> None:
        self._clients = clients
        self._calls = calls
        self._table = table

    def read(self, name: str, *, deadline: Deadline) -> StoredKeySet | None:
        """Return the set under `name`, as it was a moment ago at the earliest.

        Raises:
            SharedKeysFailed: the table did not answer by `deadline`, or with something else.
        """
        answer: Mapping[str, object] = self._call(
            lambda client: client.get_item(TableName=self._table, Key={"pk": {"S": name}}), deadline
        )
        return None if "Item" not in answer else _stored(answer["Item"])

    def _call[T](self, call: Callable[["DynamoDBClient"], T], deadline: Deadline) -> T:
        try:
            client = self._clients.dynamodb()
            return self._calls.call(
                lambda: call_aws(
                    lambda: call(client), refusal=Reason.STATE_UNAVAILABLE, subject=f"the state table {self._table}"
                ),
                deadline=deadline,
            )
        except Refused as refused:
            raise SharedKeysFailed(refused.description) from refused


class SharedKeysWriter(SharedKeysReader):
    """Fulfils `SharedKeysTable`."""

    def write(self, name: str, stored: StoredKeySet, *, latest_seconds: int, deadline: Deadline) -> bool:
        """Put `stored` under `name` unless a later set is there, in one conditional write.

        The table forgets it after a day, when nobody would believe it any more.

        Raises:
            SharedKeysFailed: the table did not answer by `deadline`, or refused.
        """

        def put(client: "DynamoDBClient") -> bool:
            fetched_at = {"N": str(stored.fetched_at_seconds)}
            try:
                client.put_item(
                    TableName=self._table,
                    Item={
                        "pk": {"S": name},
                        "issuer": {"S": stored.issuer},
                        "document": {"B": stored.document},
                        "fetched_at": fetched_at,
                        "expires_at": {"N": str(stored.fetched_at_seconds + USABLE_SECONDS)},
                    },
                    ConditionExpression=_NOTHING_LATER,
                    ExpressionAttributeValues={
                        ":number": {"S": "N"},
                        ":fetched_at": fetched_at,
                        ":latest": {"N": str(latest_seconds)},
                    },
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                    return False
                raise
            return True

        return self._call(put, deadline)


def _stored(item: object) -> StoredKeySet:
    match item:
        case {
            "issuer": {"S": str() as issuer},
            "document": {"B": bytes() as document},
            "fetched_at": {"N": str() as at},
        }:
            if _SECONDS.fullmatch(at):
                return StoredKeySet(issuer=issuer, document=document, fetched_at_seconds=int(at))
        case _:
            pass
    raise SharedKeysFailed("the item has not the form of a key set")
