"""Write the queries of deploy/audit-archive.yaml: `python deploy/archive_queries.py`; `--check` only compares them.

The views define the command line's relations over the archive's tables, and the queries are the command line's own, in
Athena's dialect. Those that read CloudTrail's events are created only if the stack's parameters name them.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from textwrap import indent
from typing import Final

import sqlglot
from sqlglot import expressions

from token_exchange_cli import audit
from token_exchange_cli.audit.relations import AUDIT, LINE_OF_LOGIN, LOGIN, PULLED, TRAIL, Column

TEMPLATE: Final = Path(__file__).parent / "audit-archive.yaml"
_MARK: Final = "written by deploy/archive_queries.py, not by hand\n"
_EVENTS: Final = "CROSS JOIN UNNEST(TRY_CAST(json_extract(line, '$.Records') AS array(json))) AS events(event)"
_LINES: Final = "(SELECT DISTINCT day, line FROM lines) AS delivered"
"""Firehose may deliver a line twice."""
_WIDTH: Final = 110

EXAMPLES: Final[Mapping[str, str]] = {
    "access_key_id": "ASIAZ5JUHML6SIXRKETK",
    "account": "111122223333",
    "assumed_role_id": "AROAFRG7G6FAAHR3GYBBQ:70010001-9100200300-8fd6ddcf9310",
    "broker_role_arn": "arn:aws:iam::111122223333:role/exchange",
    "digest": "sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b",
    "region": "eu-west-1",
    "repository": "ci/acme/shop",
    "since": "2026-11-01 00:00:00",
    "source": "ecr.amazonaws.com",
    "tag": "v1.2.3",
    "until": "2026-12-01 00:00:00",
    "value": "8fd6ddcf-9310-43e0-a59d-fd51c3c80a16",
}
"""What a saved query asks for until someone writes their own values."""


def main(arguments: Sequence[str]) -> int:
    """Write the template, or say whether it is as it would be written."""
    text = TEMPLATE.read_text("utf-8")
    head, mark, _ = text.partition(_MARK)
    written = f"{head}{mark}\n{'\n'.join(_resources())}"
    if "--check" not in arguments:
        TEMPLATE.write_text(written, "utf-8")
    elif text != written:
        print("deploy/audit-archive.yaml: other queries; run `python deploy/archive_queries.py`", file=sys.stderr)
        return 1
    return 0


def _resources() -> Iterator[str]:
    define = "Run this once: a row for each"
    yield _resource("DefineAudit", "define audit", f"{define} audit line", audit_view())
    yield _resource("DefineLogins", "define logins", f"{define} login of an audit line", logins_view())
    yield _resource("DefineTrail", "define trail", f"{define} event of CloudTrail", trail_view())
    yield _resource("DefinePulled", "define pulled", f"{define} image of a BatchGetImage", pulled_view())
    for path in sorted((files(audit) / "queries").iterdir(), key=lambda path: path.name):
        lines = path.read_text("utf-8").splitlines()
        comments = [line.removeprefix("-- ") for line in lines if line.startswith("-- ")]
        name = path.name.removesuffix(".sql")
        title = "".join(part.capitalize() for part in name.split("_"))
        sql = "\n".join(line for line in lines if not line.startswith("-- "))
        yield _resource(f"{title}Query", name.replace("_", " "), comments[0], in_athena(sql))


def audit_view() -> str:
    """Return the statement that defines the relation `audit`."""
    columns = [_column(column, "line") for column in AUDIT]
    return _view("audit", columns, _LINES)


def logins_view() -> str:
    """Return the statement that defines the relation `logins`."""
    by_name = {column.name: column for column in AUDIT}
    columns = [_column(by_name[name], "line") for name in LINE_OF_LOGIN]
    columns += [_column(column, "login") for column in LOGIN]
    logins = "CROSS JOIN UNNEST(TRY_CAST(json_extract(line, '$.grants') AS array(json))) AS entries(login)"
    return _view("logins", columns, f"{_LINES}\n{logins}")


def trail_view() -> str:
    """Return the statement that defines the relation `trail`."""
    columns = ",\n".join(f"  {_column(column, 'event')}" for column in TRAIL)
    return (
        f"CREATE OR REPLACE VIEW trail AS\nSELECT DISTINCT\n{columns}\nFROM trail_files\n{_EVENTS}\n"
        "WHERE json_extract_scalar(event, '$.eventName') IS NOT NULL"
    )


def pulled_view() -> str:
    """Return the statement that defines the relation `pulled`."""
    sources = {"event_id": "event", "image_tag": "image", "image_digest": "image"}
    columns = ",\n".join(f"  {_column(column, sources[column.name])}" for column in PULLED)
    images = "TRY_CAST(json_extract(event, '$.requestParameters.imageIds') AS array(json))"
    return (
        f"CREATE OR REPLACE VIEW pulled AS\nSELECT DISTINCT\n{columns}\nFROM trail_files\n{_EVENTS}\n"
        f"CROSS JOIN UNNEST({images}) AS images(image)"
    )


def in_athena(sql: str) -> str:
    """Return a query of the command line in Athena's dialect, its parameters replaced by examples."""
    (query,) = sqlglot.parse(sql, read="duckdb")
    if query is None:
        raise ValueError("no query")
    for parameter in list(query.find_all(expressions.Parameter, expressions.Placeholder)):
        parameter.replace(expressions.Literal.string(EXAMPLES[parameter.name]))
    return "\n".join(_filled(query.sql(dialect="athena", pretty=True).split("\n")))


def _filled(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines with the items of a list one after the other: the template is deployed only up to a certain size."""
    held = lines[0]
    for line in lines[1:]:
        together = f"{held} {line.lstrip()}"
        is_same_list = held.endswith(",") and _depth(held) == _depth(line)
        if is_same_list and len(together) <= _WIDTH:
            held = together
        else:
            yield held
            held = line
    yield held


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _view(name: str, columns: Sequence[str], source: str) -> str:
    listed = ",\n".join(f"  {column}" for column in [*columns, "day"])
    return (
        f"CREATE OR REPLACE VIEW {name} AS\nSELECT\n{listed}\nFROM {source}\n"
        "WHERE json_extract_scalar(line, '$.record') = 'audit'"
    )


def _column(column: Column, source: str) -> str:
    path = f"'$.{'.'.join(column.path)}'"
    scalar = f"json_extract_scalar({source}, {path})"
    match column.type:
        case "VARCHAR":
            value = scalar
        case "VARCHAR[]":
            value = f"TRY_CAST(json_extract({source}, {path}) AS array(varchar))"
        case "JSON":
            value = f"json_format(json_extract({source}, {path}))"
        case "TIMESTAMP":
            value = f"CAST(TRY(from_iso8601_timestamp({scalar})) AT TIME ZONE 'UTC' AS timestamp)"
        case _:
            value = f"TRY_CAST({scalar} AS {column.type.lower()})"
    return f"{value} AS {column.name}"


def _resource(resource: str, name: str, description: str, sql: str) -> str:
    reads_trail = re.search(r"\bFROM (trail|pulled|trail_files)\b|\bJOIN (trail|pulled)\b", sql) is not None
    return f"""\
  {resource}:
    Type: AWS::Athena::NamedQuery
{"    Condition: HasTrail\n" if reads_trail else ""}\
    Properties:
      Name: {name}
      Description: "{description}"
      WorkGroup: !Ref WorkGroup
      Database: !Ref Database
      QueryString: |-
{indent(sql, " " * 8)}
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
