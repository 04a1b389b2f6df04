"""The archive: what Firehose writes is read by the command line, and Athena's queries are the command line's own."""

import gzip
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlglot
from sqlglot import expressions

from sandbox.month.company import BROKER_ROLE
from sandbox.month.month import Month, write_month
from tests.cli.program import run, write_policy
from tests.deploy.cloudformation import ROOT, Stack, at, load, mapping, sequence, text
from tests.real_log import RealLog
from token_exchange.core.ports import Json
from token_exchange_cli import audit
from token_exchange_cli.audit.engine import engine
from token_exchange_cli.audit.log import AuditLog, audit_log
from token_exchange_cli.audit.relations import AUDIT, LINE_OF_LOGIN, LOGIN, Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TEMPLATE = "deploy/audit-archive.yaml"
KEY = "arn:aws:kms:eu-west-1:999900001111:key/0a1b2c3d-0000-4000-8000-000000000000"
STACK = Stack(
    TEMPLATE,
    {"SourceAccounts": "111122223333,444455556666", "AWS::AccountId": "999900001111"},
    ids={"Bucket": "archive"},
)


def named_queries() -> dict[str, str]:
    resources = mapping(load(TEMPLATE), "Resources")
    queries = [STACK.resource(name) for name, it in resources.items() if at(it, "Type") == "AWS::Athena::NamedQuery"]
    return {text(query, "Name"): text(query, "QueryString") for query in queries}


QUERIES = named_queries()


SCRIPT = ROOT / "deploy" / "archive_queries.py"


def own_queries() -> dict[str, str]:
    """Return the command line's queries by their names."""
    folder = files(audit) / "queries"
    return {path.name.removesuffix(".sql"): path.read_text("utf-8") for path in folder.iterdir()}


def test_queries_are_those_of_the_command_line() -> None:
    checked = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    views = {f"define {relation}" for relation in ("audit", "logins", "trail", "pulled")}
    assert QUERIES.keys() == views | {name.replace("_", " ") for name in own_queries()}


@pytest.mark.parametrize("template", sorted(path.name for path in (ROOT / "deploy").glob("*.yaml")))
def test_template_can_be_deployed_without_a_bucket(template: str) -> None:
    """Source: CloudFormation User Guide, "Understand CloudFormation quotas", template body size in a request."""
    assert len((ROOT / "deploy" / template).read_bytes()) <= 51_200


def delivered(lines: list[str]) -> bytes:
    """Return what CloudWatch Logs sends for some lines.

    Source: CloudWatch Logs User Guide, "Log group-level subscription filters", example 3.
    """
    batch = {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "exchange",
        "logStream": "2026/11/21/[$LATEST]0a1b",
        "subscriptionFilters": ["audit-archive"],
        "logEvents": [
            {"id": str(number), "timestamp": 1_795_236_905_000 + number, "message": line}
            for number, line in enumerate(lines)
        ],
    }
    return gzip.compress(json.dumps(batch).encode())


def stored(batches: list[bytes]) -> bytes:
    """Return the object that Firehose writes, by the processors and the compression of the template."""
    target = mapping(STACK.resource("Stream"), "ExtendedS3DestinationConfiguration")
    records = batches
    for processor in sequence(target, "ProcessingConfiguration", "Processors"):
        match at(processor, "Type"):
            case "Decompression":
                records = [gzip.decompress(record) for record in records]
            case "CloudWatchLogProcessing":
                records = [
                    str(event["message"]).encode() for record in records for event in json.loads(record)["logEvents"]
                ]
            case "AppendDelimiterToRecord":
                records = [record + b"\n" for record in records]
    assert target["CompressionFormat"] == "GZIP"
    return gzip.compress(b"".join(records))


def test_command_line_reads_what_firehose_writes(real_log: RealLog, tmp_path: Path) -> None:
    lines = real_log.audit_lines()
    path = tmp_path / "exchange-1-2026-11-21-05-00-00-0a1b.gz"
    path.write_bytes(stored([delivered(lines[:4]), delivered(lines[4:])]))
    policy = write_policy(tmp_path)
    found = run("policy", "diff", policy, policy, "--audit", path, "--json").fields["decisions"]
    alone = tmp_path / "alone.log"
    alone.write_text("\n".join(lines))
    assert found == run("policy", "diff", policy, policy, "--audit", alone, "--json").fields["decisions"]
    assert isinstance(found, dict)
    skipped = found["skipped"]
    assert isinstance(skipped, dict)
    assert skipped["unreadable"] == 0


@pytest.fixture(scope="module")
def athena(real_log: RealLog) -> "Iterator[DuckDBPyConnection]":
    """The table `lines` with a line that was delivered twice, and the views of the template over it."""
    with engine() as (connection, _):
        connection.execute("CREATE TABLE lines (line VARCHAR, day VARCHAR)")
        content = gzip.decompress(stored([delivered(real_log.audit_lines())])).decode()
        lines = [line for line in content.split("\n") if line]
        rows = [(line, "2026-11-21") for line in [*lines, lines[1], '{"record": "event"}']]
        connection.executemany("INSERT INTO lines VALUES (?, ?)", rows)
        for name in ("define audit", "define logins"):
            connection.execute(in_duckdb(QUERIES[name]))
        yield connection


def in_duckdb(sql: str) -> str:
    (found,) = sqlglot.transpile(sql, read="athena", write="duckdb")
    return found


def rows(connection: "DuckDBPyConnection", sql: str) -> list[tuple[object, ...]]:
    return connection.execute(sql).fetchall()


def valued(column: Column, record: Json) -> object:
    """Return what the column is to hold."""
    for name in column.path:
        record = record.get(name) if isinstance(record, dict) else None
    if column.type == "TIMESTAMP":
        return datetime.fromisoformat(str(record)).replace(tzinfo=None)
    if column.type == "JSON":
        return None if record is None else json.dumps(record)
    if column.type == "VARCHAR" and isinstance(record, bool):
        return json.dumps(record)
    return record


def respelled(column: Column, value: object) -> object:
    """Return a text of JSON as Python writes it."""
    return json.dumps(json.loads(value)) if column.type == "JSON" and isinstance(value, str) else value


def test_view_has_every_column_of_every_line(athena: "DuckDBPyConnection", real_log: RealLog) -> None:
    names = ", ".join(column.name for column in AUDIT)
    found = {
        tuple(repr(respelled(column, value)) for column, value in zip(AUDIT, row, strict=True))
        for row in rows(athena, f"SELECT {names} FROM audit")  # noqa: S608 - our own names
    }
    assert found == {tuple(repr(valued(column, record)) for column in AUDIT) for record in real_log.audit()}
    assert rows(athena, "SELECT count(*) FROM audit") == [(len(real_log.audit()),)]


def test_view_has_a_row_for_each_login(athena: "DuckDBPyConnection", real_log: RealLog) -> None:
    names = ", ".join([*LINE_OF_LOGIN, *(column.name for column in LOGIN)])
    of_line = [column for name in LINE_OF_LOGIN for column in AUDIT if column.name == name]
    expected = {
        tuple(repr(valued(column, record)) for column in of_line)
        + tuple(repr(valued(column, login)) for column in LOGIN)
        for record in real_log.audit()
        for grants in [record.get("grants", [])]
        if isinstance(grants, list)
        for login in grants
    }
    found = [
        tuple(map(repr, row))
        for row in rows(athena, f"SELECT {names} FROM logins")  # noqa: S608 - our own names
    ]
    assert set(found) == expected
    assert len(found) == 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """The same month in the command line's own database, and in the archive's tables."""

    own: AuditLog
    athena: "DuckDBPyConnection"
    values: dict[str, str]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("month")
    planted = write_month(folder, Month(exchanges=600, teams=12))
    exported = [gzip.decompress(path.read_bytes()).decode() for path in sorted((folder / "logs").rglob("*.gz"))]
    lines = [line[line.index("{") :] for text in exported for line in text.splitlines() if '"record":"audit"' in line]
    trail = [gzip.decompress(path.read_bytes()).decode() for path in sorted((folder / "trail").rglob("*.gz"))]
    with audit_log() as own, engine() as (connection, _):
        own.load_lines([str(folder / "logs")])
        own.load_trail([str(folder / "trail")])
        connection.execute("CREATE TABLE lines (line VARCHAR, day VARCHAR)")
        connection.executemany("INSERT INTO lines VALUES (?, '2026-10-01')", [(line,) for line in [*lines, lines[7]]])
        connection.execute("CREATE TABLE trail_files (line VARCHAR, account VARCHAR, region VARCHAR, day VARCHAR)")
        connection.executemany(
            "INSERT INTO trail_files VALUES (?, '111122223333', 'eu-west-1', '2026/10/01')",
            [(text,) for text in [*trail, trail[0]]],
        )
        for relation in ("audit", "logins", "trail", "pulled"):
            connection.execute(in_duckdb(QUERIES[f"define {relation}"]))
        (leaked,) = own.ask("sessions", value=planted.leaked)
        values = {
            "access_key_id": str(leaked["access_key_id"]),
            "account": "111122223333",
            "assumed_role_id": str(leaked["assumed_role_id"]),
            "broker_role_arn": BROKER_ROLE,
            "digest": planted.digest,
            "region": "eu-west-1",
            "repository": "shared/tools",
            "since": "2026-10-01 00:00:00",
            "source": "ecr.amazonaws.com",
            "tag": "v9",
            "until": "2026-11-01 00:00:00",
            "value": planted.leaked,
        }
        yield Both(own=own, athena=connection, values=values)


EXAMPLES: dict[str, str] = runpy.run_path(str(SCRIPT))["EXAMPLES"]
"""The values in the saved queries."""


@pytest.mark.parametrize("name", sorted(own_queries()))
def test_query_answers_as_the_command_line_does(both: Both, name: str) -> None:
    values = both.values
    if name == "refused":
        refused = both.own.rows("SELECT request_id FROM audit WHERE decision = 'denied' ORDER BY logged_at LIMIT 1")
        values = {**values, "value": str(refused[0]["request_id"])}
    own, saved = own_queries()[name], in_duckdb(QUERIES[name.replace("_", " ")])
    asked = sorted(value for value in values if f"${value}" in own)
    for value in asked:
        assert EXAMPLES[value] in saved
        saved = saved.replace(f"'{EXAMPLES[value]}'", f"'{values[value]}'")
    found = both.athena.execute(saved)
    columns = [column[0] for column in found.description]
    rows_of_athena = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    expected = both.own.rows(own, {value: values[value] for value in asked})
    assert len(rows_of_athena) == len(expected)
    assert expected or name in EMPTY
    for row, wanted in zip(rows_of_athena, expected, strict=True):
        # `SELECT logins.*` has the archive's column `day` too.
        assert {key: plain(row[key]) for key in wanted} == {key: plain(value) for key, value in wanted.items()}
        assert row.keys() - wanted.keys() <= {"day"}


EMPTY = {"failed_logins"}
"""What the month has nothing of."""


def plain(value: object) -> object:
    """Return a value as both spell it."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"2026-[0-9-]+T[0-9:.]+Z?(\+00:00)?", value):
        return datetime.fromisoformat(value).replace(tzinfo=None)
    return value


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_query_is_in_athenas_dialect(name: str) -> None:
    (parsed,) = sqlglot.parse(QUERIES[name], read="athena")
    assert parsed is not None
    functions = {function.name.lower() for function in parsed.find_all(expressions.Anonymous)}
    # sqlglot knows every other function that is used, and how Athena spells it.
    assert functions <= set()


def test_only_source_accounts_may_subscribe() -> None:
    policy = json.loads(text(STACK.resource("Destination"), "DestinationPolicy"))
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"AWS": ["111122223333", "444455556666"]}
    assert statement["Action"] == "logs:PutSubscriptionFilter"
    name = text(STACK.resource("Destination"), "DestinationName")
    assert statement["Resource"] == f"arn:aws:logs:eu-west-1:999900001111:destination:{name}"
    (trust,) = sequence(STACK.resource("DeliverRole"), "AssumeRolePolicyDocument", "Statement")
    assert at(trust, "Condition", "StringLike", "aws:SourceArn") == [
        f"arn:*:logs:*:{account}:*" for account in ("111122223333", "444455556666", "999900001111")
    ]


def test_nothing_is_changed_or_deleted_before_its_time() -> None:
    bucket = STACK.resource("Bucket")
    assert at(bucket, "ObjectLockConfiguration", "Rule", "DefaultRetention") == {"Mode": "COMPLIANCE", "Days": 400}
    (rule,) = sequence(bucket, "LifecycleConfiguration", "Rules")
    assert at(rule, "ExpirationInDays") == 400
    assert at(bucket, "VersioningConfiguration", "Status") == "Enabled"
    assert at(load(TEMPLATE), "Resources", "Bucket", "DeletionPolicy") == "RetainExceptOnCreate"
    statements = sequence(STACK.resource("BucketPolicy"), "PolicyDocument", "Statement")
    assert {at(statement, "Effect") for statement in statements} == {"Deny"}
    writers = [at(each, "Condition", "ArnNotEquals") for each in statements if at(each, "Action") == "s3:PutObject"]
    assert writers == [{"aws:PrincipalArn": "WriteRole.Arn"}]


@pytest.mark.parametrize(("key", "algorithm", "option"), [("", "AES256", "SSE_S3"), (KEY, "aws:kms", "SSE_KMS")])
def test_key_encrypts_lines_and_results(key: str, algorithm: str, option: str) -> None:
    stack = Stack(TEMPLATE, {"SourceAccounts": "111122223333", "KmsKeyArn": key})
    for name in ("Bucket", "Results"):
        (rule,) = sequence(stack.resource(name), "BucketEncryption", "ServerSideEncryptionConfiguration")
        assert at(rule, "ServerSideEncryptionByDefault", "SSEAlgorithm") == algorithm
    results = at(stack.resource("WorkGroup"), "WorkGroupConfiguration", "ResultConfiguration")
    assert at(results, "EncryptionConfiguration", "EncryptionOption") == option
    assert stack.resource("StreamLogGroup").get("KmsKeyId") == (key or None)
    allowed = sequence(stack.resource("WriteRole"), "Policies", 0, "PolicyDocument", "Statement")
    assert (key in {at(each, "Resource") for each in allowed if isinstance(at(each, "Resource"), str)}) is bool(key)


def test_table_finds_the_days_that_firehose_writes() -> None:
    prefix = text(STACK.resource("Stream"), "ExtendedS3DestinationConfiguration", "Prefix")
    table = mapping(STACK.resource("Lines"), "TableInput")
    assert prefix == "audit/day=!{timestamp:yyyy-MM-dd}/"
    assert at(table, "Parameters", "storage.location.template") == "s3://archive/audit/day=${day}/"
    assert at(table, "Parameters", "projection.day.format") == "yyyy-MM-dd"
    assert sequence(table, "PartitionKeys") == [{"Name": "day", "Type": "string"}]


@pytest.mark.parametrize("destination", ["", "arn:aws:logs:eu-west-1:999900001111:destination:archive-audit"])
def test_service_subscribes_only_where_there_is_a_destination(destination: str) -> None:
    role = "arn:aws:iam::111122223333:role/ci-ecr-push"
    stack = Stack("template.yaml", {"AssumableRoleArns": role, "AuditDestinationArn": destination})
    assert stack.makes("AuditSubscription") is bool(destination)
    if destination:
        assert stack.resource("AuditSubscription") == {
            "LogGroupName": "ExchangeLogGroup",
            "FilterName": "audit-archive",
            "FilterPattern": '{ $.record = "audit" }',
            "DestinationArn": destination,
        }
