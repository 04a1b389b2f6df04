"""Removes what a check has made, by its names only, so that an interrupted check can be cleaned up later."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from live_check.stacks import Names

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient

_LOG_GROUP: Final = "AWS::Logs::LogGroup"
_TABLE: Final = "AWS::DynamoDB::Table"
_GONE: Final = frozenset({"ResourceNotFoundException", "NoSuchBucket"})


class _Logs(Protocol):
    """The one call of CloudWatch Logs that is needed; its types are not among the development libraries."""

    def delete_log_group(self, *, logGroupName: str) -> object: ...  # noqa: N803 - AWS's names


class Removal:
    """Everything that has `names`. A step that fails is remembered, and the next one is taken all the same."""

    def __init__(self, session: boto3.Session, names: Names, *, say: Callable[[str], None]) -> None:
        self._names = names
        self._say = say
        self._cloudformation: CloudFormationClient = session.client("cloudformation")
        self._session = session
        self._left: list[str] = []

    def run(self) -> list[str]:
        """Return what is left, and why."""
        # The template keeps the table and the log groups when its stack is deleted, so they are noted before.
        kept = self._kept_by_the_stack()
        for stack in (self._names.repositories_stack, self._names.role_stack, self._names.base):
            self._say(f"removing the stack {stack}")
            self._attempt(f"stack {stack}", self._remove_stack, stack)
        for kind, name in kept:
            self._say(f"removing {name}")
            self._attempt(f"{kind} {name}", self._remove_log_group if kind == _LOG_GROUP else self._remove_table, name)
        self._say(f"removing the bucket {self._names.bucket}")
        self._attempt(f"bucket {self._names.bucket}", self._remove_bucket, self._names.bucket)
        return self._left

    def _attempt(self, what: str, step: Callable[[str], None], name: str) -> None:
        try:
            step(name)
        except (ClientError, BotoCoreError) as error:
            if not _is_gone(error):
                self._left.append(f"{what}: {error}")

    def _kept_by_the_stack(self) -> Sequence[tuple[str, str]]:
        try:
            found = self._cloudformation.describe_stack_resources(StackName=self._names.base)["StackResources"]
        except ClientError as error:
            if not _is_gone(error):
                self._left.append(f"log groups and table of {self._names.base}: {error}")
            return ()
        return [
            (each["ResourceType"], each["PhysicalResourceId"])
            for each in found
            if each["ResourceType"] in {_LOG_GROUP, _TABLE} and "PhysicalResourceId" in each
        ]

    def _remove_stack(self, name: str) -> None:
        self._cloudformation.delete_stack(StackName=name)
        self._cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)

    def _remove_log_group(self, name: str) -> None:
        logs: _Logs = self._session.client("logs")
        logs.delete_log_group(logGroupName=name)

    def _remove_table(self, name: str) -> None:
        self._session.client("dynamodb").delete_table(TableName=name)

    def _remove_bucket(self, name: str) -> None:
        s3 = self._session.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            for each in page.get("Contents", []):
                s3.delete_object(Bucket=name, Key=each.get("Key", ""))
        s3.delete_bucket(Bucket=name)


def _is_gone(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    told = error.response.get("Error", {})
    # CloudFormation has no code of its own for a stack that is not there.
    return told.get("Code") in _GONE or "does not exist" in told.get("Message", "")
