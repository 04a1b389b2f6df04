"""Removes stacks with what they keep, by their names only, so that an interrupted removal can be repeated."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient

_LOG_GROUP: Final = "AWS::Logs::LogGroup"
_TABLE: Final = "AWS::DynamoDB::Table"
_GONE: Final = frozenset({"ResourceNotFoundException", "NoSuchBucket"})


class _Logs(Protocol):
    """The one call of CloudWatch Logs that is needed; its types are not among the development libraries."""

    def delete_log_group(self, *, logGroupName: str) -> object: ...  # noqa: N803 - AWS's names


class Removal:
    """Removes `stacks`, and a bucket. A step that fails is remembered, and the next one is taken all the same.

    Log groups stay if `keeps_logs`: they hold the audit lines. A protected table is removed if `unprotects`.
    """

    def __init__(
        self,
        session: boto3.Session,
        *,
        stacks: Sequence[str],
        bucket: str | None,
        keeps_logs: bool,
        unprotects: bool,
        say: Callable[[str], None],
    ) -> None:
        self._stacks = stacks
        self._bucket = bucket
        self._keeps_logs = keeps_logs
        self._unprotects = unprotects
        self._say = say
        self._cloudformation: CloudFormationClient = session.client("cloudformation")
        self._session = session
        self._left: list[str] = []

    def run(self) -> list[str]:
        """Return what is left, and why."""
        # The template keeps the table and the log groups when its stack is deleted, so they are noted before.
        kept = [each for stack in self._stacks for each in self._kept_by(stack)]
        for stack in self._stacks:
            self._say(f"removing the stack {stack}")
            self._attempt(f"stack {stack}", self._remove_stack, stack)
        for kind, name in kept:
            if kind == _LOG_GROUP and self._keeps_logs:
                self._say(f"keeping {name}, which has the audit lines")
                continue
            self._say(f"removing {name}")
            self._attempt(f"{kind} {name}", self._remove_log_group if kind == _LOG_GROUP else self._remove_table, name)
        if self._bucket is not None:
            self._say(f"removing the bucket {self._bucket}")
            self._attempt(f"bucket {self._bucket}", self._remove_bucket, self._bucket)
        return self._left

    def _attempt(self, what: str, step: Callable[[str], None], name: str) -> None:
        try:
            step(name)
        except (ClientError, BotoCoreError) as error:
            if not _is_gone(error):
                self._left.append(f"{what}: {error}")

    def _kept_by(self, stack: str) -> Sequence[tuple[str, str]]:
        try:
            found = self._cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        except ClientError as error:
            if not _is_gone(error):
                self._left.append(f"log groups and table of {stack}: {error}")
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
        dynamodb = self._session.client("dynamodb")
        if self._unprotects:
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=name)

    def _remove_bucket(self, name: str) -> None:
        s3 = self._session.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            for each in page.get("Contents", []):
                s3.delete_object(Bucket=name, Key=each.get("Key", ""))
        s3.delete_bucket(Bucket=name)


def _is_gone(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    reported = error.response.get("Error", {})
    # CloudFormation has no error code for a stack that does not exist.
    return reported.get("Code") in _GONE or "does not exist" in reported.get("Message", "")
