"""The saved queries run in DuckDB, and are valid in Athena's dialect, with the same relations."""

import re
from importlib import resources

import pytest
import sqlglot

from token_exchange_cli.audit.engine import engine, query
from token_exchange_cli.audit.relations import AUDIT, LINE_OF_LOGIN, LOGIN, PULLED, TRAIL, Loaded
from token_exchange_cli.audit.store import create_relations
from token_exchange_cli.audit.trail import create_trail

NAMES = sorted(
    path.name.removesuffix(".sql") for path in resources.files("token_exchange_cli.audit").joinpath("queries").iterdir()
)


@pytest.mark.parametrize("name", NAMES)
def test_a_query_runs_and_can_be_carried_to_athena(name: str) -> None:
    text = query(name)
    assert text.startswith("-- ")
    values = dict.fromkeys(re.findall(r"\$(\w+)", text))
    with engine() as (connection, _):
        create_relations(connection, Loaded())
        create_trail(connection)
        assert connection.execute(text, values).fetchall() == []
    (translated,) = sqlglot.transpile(text, read="duckdb", write="athena", unsupported_level=sqlglot.ErrorLevel.RAISE)
    # What it was translated to is read again by the other dialect's own grammar.
    sqlglot.parse_one(translated, read="athena", error_level=sqlglot.ErrorLevel.RAISE)


def test_columns_are_unique_and_their_names_are_plain() -> None:
    of_line = [column for column in AUDIT if column.name in LINE_OF_LOGIN]
    assert [column.name for column in of_line].sort() == [*LINE_OF_LOGIN].sort()
    for columns in (AUDIT, [*of_line, *LOGIN], TRAIL, PULLED):
        names = [column.name for column in columns]
        assert len({*names}) == len(names)
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


def test_a_query_reaches_no_file(tmp_path: pytest.TempPathFactory) -> None:
    with engine() as (connection, folder):
        for statement in (
            "SELECT * FROM read_text('/etc/hostname')",
            "COPY (SELECT 1) TO '/tmp/x.csv'",
            "INSTALL httpfs",
            "SET enable_external_access = true",
            "ATTACH '/tmp/other.duckdb'",
        ):
            with pytest.raises(Exception, match=r"Permission Error|Invalid Input|disabled|locked|configuration"):
                connection.execute(statement)
        assert folder.exists()
    assert not folder.exists()
