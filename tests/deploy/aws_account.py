"""An account in moto, and a program in the place of SAM, for the deployment's commands."""

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import boto3
from moto.server import ThreadedMotoServer

REGION: Final = "eu-west-1"
ACCOUNT: Final = "123456789012"  # moto's

# It notes its arguments, a line each.
_SAM: Final = """#!/bin/sh
printf '%s\\n' "$@" > "${0%/*}/asked"
"""


# What the real template keeps when its stack is deleted.
def _resources(stack: str) -> Mapping[str, Mapping[str, object]]:
    return {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "Properties": {
                "TableName": stack,
                "BillingMode": "PAY_PER_REQUEST",
                "DeletionProtectionEnabled": True,
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            },
        },
        "Log": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain", "Properties": {"LogGroupName": stack}},
    }


class Account:
    """A checkout in `folder`, and an account in which nothing else has the name of its `stack`.

    All of a process's tests share what moto has.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self._session = boto3.Session(
            aws_access_key_id="AKIAOFTHETESTS000000", aws_secret_access_key="a-secret", region_name=REGION
        )
        self._url = url
        self.stack = f"exchange-{secrets.token_hex(4)}"
        (folder / "functions/exchange").mkdir(parents=True)
        self.sam = folder / "sam"
        self.sam.write_text(_SAM)
        self.sam.chmod(0o755)

    def variables(self) -> dict[str, str]:
        """Return the environment in which the commands run."""
        return {
            "AWS_ENDPOINT_URL": self._url,
            "AWS_ACCESS_KEY_ID": "AKIAOFTHETESTS000000",
            "AWS_SECRET_ACCESS_KEY": "a-secret",
            "AWS_REGION": REGION,
            "SAM": str(self.sam),
        }

    def build(self) -> None:
        """Do what `sam build` does with the policy: both functions that read it have a copy."""
        for function in ("ExchangeFunction", "RefreshKeysFunction"):
            built = self.built / function / "exchange"
            shutil.rmtree(built, ignore_errors=True)
            shutil.copytree(self.folder / "functions/exchange", built)

    @property
    def built(self) -> Path:
        """Return the folder of the build."""
        return self.folder / ".aws-sam/build"

    def sam_arguments(self) -> list[str]:
        """Return what SAM was started with; nothing if it was not."""
        asked = self.sam.with_name("asked")
        return asked.read_text().splitlines() if asked.exists() else []

    def overrides(self) -> dict[str, str]:
        """Return the parameters that SAM was given."""
        given = self.sam_arguments()
        return dict(pair.split("=", 1) for pair in given[given.index("--parameter-overrides") + 1 :])

    def deploy(self, parameters: Mapping[str, str]) -> None:
        """Create the stack, as SAM would have."""
        template = {
            "Parameters": {name: {"Type": "String"} for name in parameters},
            "Resources": _resources(self.stack),
            "Outputs": {
                "Url": {"Value": "https://x.example"},
                "RoleArn": {"Value": f"arn:aws:iam::{ACCOUNT}:role/exchange"},
            },
        }
        client = self._session.client("cloudformation", endpoint_url=self._url)
        client.create_stack(
            StackName=self.stack,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        )
        client.close()

    def what_there_is(self) -> set[str]:
        """Return which of stack, table and log group there are."""
        stacks = self._session.client("cloudformation", endpoint_url=self._url)
        tables = self._session.client("dynamodb", endpoint_url=self._url)
        logs = self._session.client("logs", endpoint_url=self._url)
        found = {
            "stack": [one["StackName"] for one in stacks.describe_stacks()["Stacks"]],
            "table": tables.list_tables()["TableNames"],
            "logs": [
                one["logGroupName"] for one in logs.describe_log_groups(logGroupNamePrefix=self.stack)["logGroups"]
            ],
        }
        for client in (stacks, tables, logs):
            client.close()
        return {kind for kind, names in found.items() if self.stack in names}


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto on a free port."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
