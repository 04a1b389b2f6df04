"""DynamoDB's state table: permissions are checked here, and moto runs the operations.

Source: DynamoDB API Reference; Developer Guide, "Using IAM policy conditions for fine-grained access control".
"""

import json
import threading
import uuid
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

from sandbox.aws.calls import Call, Operation
from sandbox.aws.ecr import authorize
from sandbox.aws.errors import AwsError, json_answer
from sandbox.loopback import Answer

if TYPE_CHECKING:
    from werkzeug.test import Client

OPERATIONS: Final = ("GetItem", "PutItem", "UpdateItem", "DeleteItem")
TARGET: Final = "DynamoDB_20120810"


class StateTable:
    """One table, created at first use: importing moto is slow, and most users of the sandbox never need the table.

    The table of the brake is a dictionary: every environment reads its one item, which is seldom there.
    """

    def __init__(self) -> None:
        # Tables of one process share moto's memory, so each has its own name.
        self.name = f"state-{uuid.uuid4().hex[:12]}"
        self.brake_name = f"brake-{uuid.uuid4().hex[:12]}"
        self.is_gone = False
        self.brake: dict[str, object] = {}
        """The items of the brake's table by their keys, in DynamoDB's types."""
        self._lock = threading.Lock()

    def create_again(self) -> None:
        """Make the table anew, under its name and with nothing in it."""
        with self._lock:
            if "_moto" in self.__dict__:
                self._ask("DeleteTable", {"TableName": self.name})
                del self.__dict__["_moto"]
            self.is_gone = False

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The supported operations, by their names in policies."""
        return {f"dynamodb:{name}": self._answer for name in OPERATIONS}

    def items(self) -> dict[str, dict[str, str]]:
        """Return the items by their keys, without DynamoDB's types."""
        with self._lock:
            answer = self._ask("Scan", {"TableName": self.name})
        found = json.loads(answer.body)["Items"]
        plain = [{name: next(iter(value.values())) for name, value in item.items()} for item in found]
        return {item.pop("pk"): item for item in plain}

    def _answer(self, call: Call) -> Answer:
        region, account = call.caller.region, call.caller.session.role.account
        key = call.parameters.get("Key") or call.parameters.get("Item")
        match key:
            case {"pk": {"S": str() as leading}}:
                context = {"dynamodb:leadingkeys": [leading]}
            case _:
                leading, context = "", {}
        authorize(
            call.caller.session,
            action=call.operation,
            resource=f"arn:aws:dynamodb:{region}:{account}:table/{call.parameters.get('TableName')}",
            now_seconds=call.now_seconds,
            context=context,
        )
        if call.parameters.get("TableName") == self.brake_name:
            return self._brake_answer(call, leading)
        if call.parameters.get("TableName") != self.name or self.is_gone:
            raise AwsError(code="ResourceNotFoundException", message="Requested resource not found")
        # One at a time, since moto checks a condition and writes in two steps.
        with self._lock:
            answer = self._ask(call.operation.partition(":")[2], call.parameters)
        return Answer(
            status=answer.status, headers=(("x-amzn-requestid", call.request_id), *answer.headers), body=answer.body
        )

    def _brake_answer(self, call: Call, key: str) -> Answer:
        match call.operation:
            case "dynamodb:PutItem":
                self.brake[key] = call.parameters.get("Item")
            case "dynamodb:DeleteItem":
                self.brake.pop(key, None)
            case "dynamodb:GetItem":
                item = self.brake.get(key)
                found: dict[str, object] = {} if item is None else {"Item": item}
                if call.parameters.get("ReturnConsumedCapacity") == "TOTAL":
                    found["ConsumedCapacity"] = {"TableName": self.brake_name, "CapacityUnits": 1.0}
                return json_answer(found, request_id=call.request_id)
            case _:
                raise AwsError(
                    code="ValidationException", message="the brake's table supports only put, get and delete"
                )
        return json_answer({}, request_id=call.request_id)

    def _ask(self, operation: str, parameters: Mapping[str, object]) -> Answer:
        return _asked(self._moto, operation, parameters)

    @cached_property
    def _moto(self) -> "Client":
        from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - it takes half a second
            DomainDispatcherApplication,
            create_backend_app,
        )
        from werkzeug.test import Client  # noqa: PLC0415 - as above

        client = Client(DomainDispatcherApplication(create_backend_app))
        made = _asked(
            client,
            "CreateTable",
            {
                "TableName": self.name,
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        )
        if made.status != 200:  # noqa: PLR2004 - nothing works without it
            raise RuntimeError(f"the state table cannot be made: {made.body!r}")
        return client


def _asked(client: "Client", operation: str, parameters: Mapping[str, object]) -> Answer:
    answer = client.post(
        "/",
        data=json.dumps(parameters),
        headers={
            "X-Amz-Target": f"{TARGET}.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            # moto reads only service and region from it; the caller is authenticated already.
            "Authorization": "AWS4-HMAC-SHA256 Credential=sandbox/20260101/eu-west-1/dynamodb/aws4_request",
        },
    )
    return Answer(
        status=answer.status_code, headers=(("content-type", "application/x-amz-json-1.0"),), body=answer.data
    )
