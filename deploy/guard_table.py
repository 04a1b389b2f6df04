"""Give a state table that was restored from a backup what the template gives it, and a restore leaves out.

    python deploy/guard_table.py TABLE --exchange-role ARN --refresher-role ARN

Source: DynamoDB Developer Guide, "Restoring a DynamoDB table": resource policies, time to live, point-in-time recovery,
tags and deletion protection must be set up again.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TEMPLATE: Final = Path(__file__).parent.parent / "template.yaml"
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)


class _Loader(yaml.CSafeLoader):
    """YAML in which CloudFormation's functions are objects with their name."""


def _function(loader: yaml.CSafeLoader, name: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.SequenceNode):
        return {f"!{name}": loader.construct_sequence(node, deep=True)}
    return {f"!{name}": loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None}


_Loader.add_multi_constructor("!", _function)


def guard(template: str, *, exchange_role: str, refresher_role: str) -> str:
    """Return the table's resource policy as `template` has it, for these roles."""
    document: object = yaml.load(template, Loader=_Loader)  # noqa: S506 - a CSafeLoader with plain objects added
    for step in ("Resources", "StateTable", "Properties", "ResourcePolicy", "PolicyDocument"):
        if not isinstance(document, dict):
            raise TypeError(f"the template has no {step}")
        document = document[step]
    arns = {"ExchangeRole.Arn": exchange_role, "RefreshKeysRole.Arn": refresher_role}
    return json.dumps(_filled(document, arns))


def _filled(value: object, arns: dict[str, str]) -> object:
    match value:
        case {"!GetAtt": str() as name}:
            return arns[name]
        case {"!If": [_, chosen, _]}:
            # The role of this stack or that of another one: either is the exchange's.
            return _filled(chosen, arns)
        case dict():
            return {name: _filled(each, arns) for name, each in value.items()}
        case list():
            return [_filled(each, arns) for each in value]
        case _:
            return value


def apply(client: "DynamoDBClient", table: str, policy: str) -> None:
    """Guard the table first, then set everything else."""
    arn = client.describe_table(TableName=table)["Table"].get("TableArn", "")
    client.put_resource_policy(ResourceArn=arn, Policy=policy)
    ttl = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if ttl.get("TimeToLiveStatus") not in {"ENABLED", "ENABLING"}:
        client.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True}
        )
    client.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    client.update_table(TableName=table, DeletionProtectionEnabled=True)
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "application", "Value": "ecr-token-exchange"}])


def main() -> int:
    """Return 0, or 1 and print what AWS refuses."""
    parser = argparse.ArgumentParser(description="Protect a restored state table again.")
    parser.add_argument("table", help="the output StateTableName")
    parser.add_argument("--exchange-role", required=True, type=_role, help="the output RoleArn")
    parser.add_argument("--refresher-role", required=True, type=_role, help="the role of refresh_keys")
    given = parser.parse_args()
    policy = guard(_TEMPLATE.read_text("utf-8"), exchange_role=given.exchange_role, refresher_role=given.refresher_role)
    try:
        apply(boto3.client("dynamodb"), given.table, policy)
    except (ClientError, BotoCoreError) as error:
        print(f"{given.table}: not guarded yet, run this again: {error}", file=sys.stderr)
        return 1
    print(f"{given.table}: only {given.exchange_role} and {given.refresher_role} may write to it")
    return 0


def _role(text: str) -> str:
    if not _ROLE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected the ARN of a role, found {text!r}")
    return text


if __name__ == "__main__":
    sys.exit(main())
