"""The state table: marks of used tokens, counts of exchanges, and key sets, shared by all environments; and the brake.

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
from token_exchange.issuer_keys.origins import SharedKeysFailed, StoredKeySet
from token_exchange.issuer_keys.timing import USABLE_SECONDS
from token_exchange.loading.brake import BrakeUnreadable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


type _Write = Callable[["DynamoDBClient"], Mapping[str, object]]

_SET_BY_THIS_REQUEST: Final = "request_id = :request_id"


def names_of(mark: str) -> tuple[str, ...]:
    """Return the names under which a mark is kept: one, which carries its version.

    During an upgrade, a canary or a rollback, environments of two versions answer at the same time. Each must see what
    the other has spent, so a version that changes the name has to set the mark under the previous name too, first. The
    previous name can be dropped once no token lives that was spent before the upgrade, and no version runs that knows
    only that name: in a release that is deployed more than the maximum lifetime of a token later.
    """
    kind, _, digest = mark.partition("#")
    return (f"{kind}#1#{digest}",)


class StateTable:
    """Implements `UseMarks` and `BudgetCounts`, by conditional writes: one for a count, one for each name of a mark."""

    def __init__(self, *, clients: AwsClients, calls: DeadlineCalls, table: str) -> None:
        self._clients = clients
        self._calls = calls
        self._table = table

    def set(self, mark: str, *, request_id: str, expires_at_seconds: int, deadline: Deadline) -> bool:
        """Set `mark` for this request; return False if another request had set it.

        The client repeats a write whose answer was lost, so a mark of this request is not another use.

        Raises:
            StateUnavailable: it is not known whether the mark is set.
        """
        # In order, and only while all are ours: the first name decides between two requests.
        return all(
            self._set(name, request_id=request_id, expires_at_seconds=expires_at_seconds, deadline=deadline)
            for name in names_of(mark)
        )

    def _set(self, name: str, *, request_id: str, expires_at_seconds: int, deadline: Deadline) -> bool:
        return self._write(
            lambda client: client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": name},
                    "request_id": {"S": request_id},
                    "expires_at": {"N": str(expires_at_seconds)},
                },
                ConditionExpression=f"attribute_not_exists(pk) OR {_SET_BY_THIS_REQUEST}",
                ExpressionAttributeValues={":request_id": {"S": request_id}},
                ReturnConsumedCapacity="TOTAL",
            ),
            deadline,
        )

    def release(self, mark: str, *, request_id: str, deadline: Deadline) -> None:
        """Remove `mark` if this request set it.

        Raises:
            StateUnavailable: the mark may still be set.
        """
        failure: StateUnavailable | None = None
        for name in names_of(mark):
            try:
                self._release(name, request_id=request_id, deadline=deadline)
            except StateUnavailable as error:
                failure = error
        if failure is not None:
            raise failure

    def _release(self, name: str, *, request_id: str, deadline: Deadline) -> None:
        self._write(
            lambda client: client.delete_item(
                TableName=self._table,
                Key={"pk": {"S": name}},
                ConditionExpression=_SET_BY_THIS_REQUEST,
                ExpressionAttributeValues={":request_id": {"S": request_id}},
                ReturnConsumedCapacity="TOTAL",
            ),
            deadline,
        )

    def add(self, count: str, *, most: int, expires_at_seconds: int, deadline: Deadline) -> bool:
        """Add one to `count` unless it has reached `most`; return whether it was added.

        The client repeats a write whose answer was lost, so a budget may allow a few exchanges fewer, never more.

        Raises:
            StateUnavailable: it is not known whether it was added.
        """
        return self._write(
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

    def _write(self, write: _Write, deadline: Deadline) -> bool:
        """Run `write` and return whether its condition was met."""
        try:
            client = self._clients.dynamodb()
            return self._calls.call(
                lambda: call_aws(
                    lambda: _condition_met(write, client),
                    refusal=Reason.STATE_UNAVAILABLE,
                    subject=f"the state table {self._table}",
                ),
                deadline=deadline,
            )
        except Refused as refused:
            raise StateUnavailable(refused.description) from refused


def _condition_met(write: _Write, client: "DynamoDBClient") -> bool:
    try:
        _require_from_table(write(client))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
            return False
        raise
    return True


def _require_from_table[T: Mapping[str, object]](answer: T) -> T:
    """Return `answer` if it has the consumed capacity, for which the request must ask.

    botocore accepts any body of a 200: an error page would count as a used token, or as a brake that is not set.

    Raises:
        ValueError: DynamoDB did not write this answer.
    """
    if "ConsumedCapacity" not in answer:
        raise ValueError("the answer does not say what was consumed")
    return answer


_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)

_NOTHING_LATER: Final = (
    "attribute_not_exists(pk) OR NOT attribute_type(fetched_at, :number) "
    "OR fetched_at < :fetched_at OR fetched_at > :latest"
)
"""An item without a valid time is replaced too; otherwise it would block every write until it expires."""


class SharedKeysReader:
    """Implements `SharedKeys`."""

    def __init__(self, *, clients: AwsClients, calls: DeadlineCalls, table: str) -> None:
        self._clients = clients
        self._calls = calls
        self._table = table

    def read(self, name: str, *, deadline: Deadline) -> StoredKeySet | None:
        """Return the set under `name`, by an eventually consistent read.

        Raises:
            SharedKeysFailed: the table did not answer by `deadline`, or the item is not a key set.
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
    """Implements `SharedKeysTable`."""

    def write(self, name: str, stored: StoredKeySet, *, latest_seconds: int, deadline: Deadline) -> bool:
        """Put `stored` under `name` unless a later set is there, in one conditional write.

        The item expires after a day, when it is no longer usable.

        Raises:
            SharedKeysFailed: the table did not answer by `deadline`, or refused.
        """

        def put(client: "DynamoDBClient") -> Mapping[str, object]:
            fetched_at = {"N": str(stored.fetched_at_seconds)}
            return client.put_item(
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
                ReturnConsumedCapacity="TOTAL",
            )

        return self._call(lambda client: _condition_met(put, client), deadline)


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
    raise SharedKeysFailed("the item is not a key set")


_BRAKE: Final = {"pk": {"S": "brake"}}


class BrakeTable:
    """Implements `BrakeSource`: one item in a separate table."""

    def __init__(self, *, clients: AwsClients, calls: DeadlineCalls, table: str) -> None:
        self._clients = clients
        self._calls = calls
        self._table = table

    def read(self, deadline: Deadline, /) -> bytes | None:
        """Return the item's document, by a consistent read; None without an item.

        Raises:
            BrakeUnreadable: the table did not answer by `deadline`, or something else did.
        """
        try:
            client = self._clients.dynamodb()
            answer: Mapping[str, object] = self._calls.call(
                lambda: call_aws(
                    lambda: _require_from_table(
                        client.get_item(
                            TableName=self._table, Key=_BRAKE, ConsistentRead=True, ReturnConsumedCapacity="TOTAL"
                        )
                    ),
                    refusal=Reason.STATE_UNAVAILABLE,
                    subject=f"the table of the brake {self._table}",
                ),
                deadline=deadline,
            )
        except Refused as refused:
            raise BrakeUnreadable(refused.description) from refused
        match answer:
            case {"Item": {"document": {"S": str() as document}}}:
                return document.encode()
            case {"Item": _}:
                # A brake is set, but malformed: an empty document does not load, and so refuses everything.
                return b""
            case _:
                return None
