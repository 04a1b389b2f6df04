"""Reads key sets from the state table, and writes them for the one function that may.

Source: DynamoDB API Reference, GetItem and PutItem.
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from token_exchange.adapters.aws_clients import AwsClients
from token_exchange.adapters.aws_faults import answered
from token_exchange.adapters.deadline_calls import DeadlineCalls
from token_exchange.ports import Deadline, SharedKeysFailed, StoredKeySet
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused
from token_exchange.verify.issuer_keys import USABLE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

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
                lambda: answered(
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
