"""A DynamoDB on loopback with a state table in it, as the template makes one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "state"
REGION = "eu-west-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDynamoDb:
    url: str
    client: "DynamoDBClient"

    @staticmethod
    def environment_for(url: str) -> Mapping[str, str]:
        """Return the variables with which a function finds the table, and nothing of anybody's own."""
        return {
            "TOKEN_EXCHANGE_STATE_TABLE": TABLE,
            "AWS_ENDPOINT_URL_DYNAMODB": url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "ASIASERVICE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make_table(self) -> None:
        self.client.create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def names(self) -> list[str]:
        return sorted(str(item["pk"]["S"]) for item in self.client.scan(TableName=TABLE)["Items"])

    def clear(self) -> None:
        """Leave an empty table, whatever became of the last one."""
        if TABLE in self.client.list_tables()["TableNames"]:
            self.client.delete_table(TableName=TABLE)
        self.make_table()


@contextmanager
def local_dynamodb() -> Iterator[LocalDynamoDb]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        client = boto3.client(
            "dynamodb",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="ASIATEST",
            aws_secret_access_key="secret",
        )
        yield LocalDynamoDb(url=url, client=client)
    finally:
        server.stop()
