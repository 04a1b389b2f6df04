"""Lines that need a remark: duplicates, other schemas, impossible times."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from token_exchange.core.ports import Json
from token_exchange.reporting.audit import SCHEMA

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FIRST_TIME: Final = datetime(2026, 1, 1)  # noqa: DTZ001 - as DuckDB's timestamps, in UTC
"""Before the first release: an earlier line comes from a wrong clock."""

_CLOCK_SKEW: Final = timedelta(days=1)

_SAME_LINE: Final = "request_id, logged_at, decision, reason, status"
_SAME_LOGIN: Final = "request_id, logged_at, registry, grant_name, access_key_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """How many lines are unusual, by cause. They are in every sum, except for `duplicates`, which were removed."""

    duplicates: int
    other_schemas: int
    without_time: int
    impossible_times: int
    without_decision: int
    same_request: int

    def remarks(self) -> list[str]:
        """Return a sentence for each cause that occurred."""
        texts = (
            (self.duplicates, "delivered more than once, and counted once"),
            (self.other_schemas, f"of another schema than {SCHEMA}, of which only the common fields were read"),
            (self.without_time, "without a readable time: included in sums, but not over time"),
            (self.impossible_times, "dated before this project or in the future: included in sums, but not over time"),
            (self.without_decision, "without a decision"),
            (self.same_request, "with the request id of another line, but different content"),
        )
        return [f"{count} {'line' if count == 1 else 'lines'} {text}" for count, text in texts if count]

    def fields(self) -> dict[str, Json]:
        """Return the counts by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def settle(connection: "DuckDBPyConnection", *, now: datetime) -> Doubtful:
    """Remove duplicates from `audit` and `logins`, clear impossible times, and count unusual lines."""

    def count(condition: str, **values: object) -> int:
        found = connection.execute(f"SELECT count(*) FROM audit WHERE {condition}", values).fetchall()  # noqa: S608 - our own text
        return int(found[0][0])

    duplicates = _remove_repeated(connection, "audit", _SAME_LINE)
    _remove_repeated(connection, "logins", _SAME_LOGIN)
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
        without_decision=count("decision IS NULL"),
        same_request=count(
            "request_id IN (SELECT request_id FROM audit WHERE request_id IS NOT NULL "
            "GROUP BY request_id HAVING count(*) > 1)"
        ),
    )


def _remove_repeated(connection: "DuckDBPyConnection", table: str, same: str) -> int:
    (removed,) = connection.execute(
        f"DELETE FROM {table} WHERE request_id IS NOT NULL AND rowid IN (SELECT row FROM "  # noqa: S608 - our own names
        f"(SELECT rowid AS row, row_number() OVER (PARTITION BY {same} ORDER BY rowid) AS number FROM {table}) "
        "WHERE number > 1)"
    ).fetchall()[0]
    return int(removed)
