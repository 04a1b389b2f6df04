"""A log that is loaded for queries: its relations, and remarks about them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from token_exchange.core.ports import Json
from token_exchange_cli.audit.doubtful import Doubtful, settle
from token_exchange_cli.audit.engine import engine, query
from token_exchange_cli.audit.relations import Loaded
from token_exchange_cli.audit.store import Read, create_relations, load_lines, read_lines
from token_exchange_cli.audit.trail import ReadTrail, create_trail, load_trail
from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import input_name
from token_exchange_cli.safe_text import counted, escape_non_ascii
from token_exchange_cli.terminal import progress, remark

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

type Row = dict[str, Json]

_NO_TRAIL: Final = "contains no event of CloudTrail; expected files as CloudTrail writes them to S3"


@dataclass(slots=True, kw_only=True)
class AuditLog:
    """A loaded log, empty at first."""

    connection: "DuckDBPyConnection" = field(repr=False)
    folder: Path
    tell: Callable[[str], None]
    loaded: Loaded
    read: Read = field(default_factory=Read)
    read_trail: ReadTrail = field(default_factory=ReadTrail)
    doubtful: Doubtful | None = None

    def load_lines(
        self,
        logs: Sequence[str],
        *,
        needles: Sequence[bytes] = (),
        seen: Callable[[Iterable[bytes]], Iterable[bytes]] = lambda texts: texts,
    ) -> None:
        """Load the audit lines of `logs`, or only those with one of `needles`; `seen` gets each of them too.

        Raises:
            Unusable: a file cannot be read, or none contains an audit line.
        """
        texts = read_lines(logs, self.read, progress=self.tell, needles=needles)
        load_lines(self.connection, self.folder, seen(texts), loaded=self.loaded, read=self.read)
        if not self.read.audit_lines:
            names = ", ".join(map(input_name, logs))
            raise Unusable(
                f"{names}: contains no audit line; expected one JSON object per line, as the service logs it"
            )
        self.tell("removing duplicates")
        self.doubtful = settle(self.connection, now=datetime.now(UTC))

    def load_trail(self, files: Sequence[str]) -> None:
        """Load CloudTrail's `files`.

        Raises:
            Unusable: a file cannot be read, or none contains an event.
        """
        self.read_trail = load_trail(self.connection, self.folder, files, progress=self.tell)
        if not self.rows("SELECT event_id FROM trail LIMIT 1"):
            texts = [*self.read_trail.problems, f"{', '.join(map(input_name, files))}: {_NO_TRAIL}"]
            raise Unusable("\n".join(texts))

    def ask(self, name: str, **values: Json) -> list[Row]:
        """Return the rows of the saved query `name`."""
        return self.rows(query(name), values)

    def rows(self, text: str, values: Mapping[str, Json] | None = None) -> list[Row]:
        """Return the rows of a query by their columns; a time is in RFC 3339, in UTC."""
        found = self.connection.execute(text, dict(values or {}))
        names = [column[0] for column in found.description]
        return [{name: _json(value) for name, value in zip(names, row, strict=True)} for row in found.fetchall()]

    def remarks(self) -> list[str]:
        """Return a sentence for each problem: lines that were not read, and lines that are unusual."""
        texts = [
            f"{count} {'invalid' if what in self.read.invalid else 'unreadable'}: "
            f"{what} (first at {self.read.places[what]})"
            for what, count in self.read.problems.most_common()
        ]
        if self.read.other_lines:
            texts.append(f"{self.read.other_lines} lines are not audit lines")
        texts += self.doubtful.remarks() if self.doubtful is not None else []
        texts += self.read_trail.problems
        if self.read_trail.nameless:
            texts.append(f"{self.read_trail.nameless} entries of CloudTrail's files are not events")
        if self.read_trail.other_files:
            texts.append(f"{counted(self.read_trail.other_files, 'file')} without an event of CloudTrail")
        return texts

    def print_remarks(self) -> None:
        """Print the remarks on standard error."""
        for text in self.remarks():
            remark(text)

    def counts(self) -> dict[str, Json]:
        """Return what was read, as numbers by name."""
        return {
            "lines": self.read.lines,
            "audit_lines": self.read.audit_lines,
            "other_lines": self.read.other_lines,
            "problems": {escape_non_ascii(what): count for what, count in self.read.problems.most_common()},
            **({} if self.doubtful is None else self.doubtful.fields()),
            **({"trail": self.read_trail.fields()} if self.read_trail.files else {}),
        }


@contextmanager
def audit_log(*queries: str) -> Iterator[AuditLog]:
    """Yield an empty log; loaded data is in a temporary folder, which is removed afterwards.

    With the texts of `queries`, only the columns that they name are loaded.

    Raises:
        Unusable: DuckDB is not installed.
    """
    with engine() as (connection, folder), progress() as tell:
        loaded = Loaded.for_queries(queries) if queries else Loaded()
        create_relations(connection, loaded)
        create_trail(connection)
        yield AuditLog(connection=connection, folder=folder, tell=tell, loaded=loaded)


def _json(value: object) -> Json:
    match value:
        case datetime():
            return value.isoformat(timespec="milliseconds").removesuffix(".000") + "Z"
        case list():
            return [_json(item) for item in value]
        case bool() | int() | float() | str() | None:
            return value
        case _:
            return str(value)
