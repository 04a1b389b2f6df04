"""Lines that need a remark: duplicates, other schemas, impossible times."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, get_args

from token_exchange.core.ports import Json
from token_exchange.reporting.audit import SCHEMA, DecisionWord
from token_exchange_cli.safe_text import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FIRST_TIME: Final = datetime(2026, 1, 1)  # noqa: DTZ001 - as DuckDB's timestamps, in UTC
"""Before the first release: an earlier line comes from a wrong clock."""

_CLOCK_SKEW: Final = timedelta(days=1)

_DECISIONS: Final = ", ".join(f"'{word}'" for word in get_args(DecisionWord.__value__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """How many lines are unusual, by cause. They are in every sum, except for `duplicates`, which were removed."""

    duplicates: int
    other_schemas: int
    without_time: int
    impossible_times: int
    without_decision: int
    same_request: int
    without_login: int

    def remarks(self) -> list[str]:
        """Return a sentence for each cause that occurred."""
        texts = (
            (self.duplicates, "delivered more than once, and counted once"),
            (self.other_schemas, f"of a schema other than {SCHEMA}: only the common fields were read"),
            (self.without_time, "without a readable time: included in sums, but not over time"),
            (self.impossible_times, "dated before this project or in the future: included in sums, but not over time"),
            (self.without_decision, "without a known decision: included in sums, but not by decision"),
            (self.same_request, "with the request id of another line, but different content"),
            (self.without_login, "granted, but without the login: included in sums of exchanges, but not of grants"),
        )
        return [f"{counted(count, 'line')} {text}" for count, text in texts if count]

    def fields(self) -> dict[str, Json]:
        """Return the counts by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def settle(connection: "DuckDBPyConnection", *, now: datetime) -> Doubtful:
    """Remove duplicates from `audit` and `logins`, clear impossible times, and count unusual lines."""

    def count(condition: str, **values: object) -> int:
        found = connection.execute(f"SELECT count(*) FROM audit WHERE {condition}", values).fetchall()  # noqa: S608 - our own text
        return int(found[0][0])

    duplicates = remove_repeated(connection, "audit", "request_id")
    remove_repeated(connection, "logins", "request_id")
    span = {"first": FIRST_TIME, "last": now.replace(tzinfo=None) + _CLOCK_SKEW}
    impossible = count("logged_at NOT BETWEEN $first AND $last", **span)
    without_time = count("logged_at IS NULL")
    if impossible:
        for table in ("audit", "logins"):
            connection.execute(
                f"UPDATE {table} SET logged_at = NULL WHERE logged_at NOT BETWEEN $first AND $last",  # noqa: S608 - our own names
                span,
            )
    return Doubtful(
        duplicates=duplicates,
        other_schemas=count("line_schema IS DISTINCT FROM $schema", schema=SCHEMA),
        without_time=without_time,
        impossible_times=impossible,
        without_decision=count(f"decision IS NULL OR decision NOT IN ({_DECISIONS})"),
        same_request=count(
            "request_id IN (SELECT request_id FROM audit WHERE request_id IS NOT NULL "
            "GROUP BY request_id HAVING count(*) > 1)"
        ),
        without_login=count(
            "decision = 'granted' AND NOT EXISTS (SELECT 1 FROM logins WHERE logins.grant_name IS NOT NULL "
            "AND logins.request_id IS NOT DISTINCT FROM audit.request_id)"
        ),
    )


def remove_repeated(connection: "DuckDBPyConnection", table: str, key: str) -> int:
    """Remove rows that are the same in every column as another one with the same `key`; return how many."""
    names = [name for name, *_ in connection.execute(f"DESCRIBE {table}").fetchall()]
    repeated = f"SELECT {key} FROM {table} WHERE {key} IS NOT NULL GROUP BY {key} HAVING count(*) > 1"  # noqa: S608 - our own names
    (removed,) = connection.execute(
        f"DELETE FROM {table} WHERE rowid IN (SELECT row FROM "  # noqa: S608 - as above
        f"(SELECT rowid AS row, row_number() OVER (PARTITION BY {', '.join(names)} ORDER BY rowid) AS number "
        f"FROM {table} WHERE {key} IN ({repeated})) WHERE number > 1)"
    ).fetchall()[0]
    return int(removed)
