"""Load audit lines into the relations `audit` and `logins`, and count what could not be read.

Lines are not parsed here: they are written to a file of limited size, which DuckDB reads into the columns of
`relations.py`. One such file is loaded while the next is written.
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from token_exchange_cli.audit.relations import LOGGED_AT, Column, Loaded
from token_exchange_cli.inputs import input_name
from token_exchange_cli.logs.files import Damaged, files_of
from token_exchange_cli.logs.lines import lines_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHUNK_BYTES: Final = 32 * 1024 * 1024
_LOADED_AT_ONCE: Final = 2
_PROGRESS_LINES: Final = 10_000
_MOST_PROBLEMS: Final = 20

RFC_3339: Final = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|\+00:00)"
"""The form of time that the service writes, in UTC."""


@dataclass(slots=True, kw_only=True)
class Read:
    """How many lines were read, how many of them are audit lines, and how many could not be read.

    `problems` has the first place of each kind of problem, and how often it occurred; `invalid` are those of lines that
    could be read. `place` is that of the audit line that was yielded last.
    """

    lines: int = 0
    audit_lines: int = 0
    other_lines: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    places: dict[str, str] = field(default_factory=dict)
    invalid: set[str] = field(default_factory=set)
    place: str = ""

    def problem(self, what: str, place: str, *, is_readable: bool = False) -> None:
        """Count a problem; the number of distinct ones is bounded."""
        is_kept = what in self.problems or len(self.problems) < _MOST_PROBLEMS
        kept = what if is_kept else "other violations of the schema" if is_readable else "other problems"
        self.problems[kept] += 1
        self.places.setdefault(kept, place)
        if is_readable:
            self.invalid.add(kept)


def read_lines(
    arguments: Iterable[str], read: Read, *, progress: Callable[[str], None], needles: Sequence[bytes] = ()
) -> Iterator[bytes]:
    """Yield the audit lines of the files and folders `arguments`, counting in `read`.

    With `needles`, only lines that contain one of them are yielded; a truncated file is read up to its end.

    Raises:
        Unusable: a file cannot be read.
    """
    for file in files_of(arguments):
        name = input_name(file)
        try:
            for line in lines_of(file):
                read.lines += 1
                if read.lines % _PROGRESS_LINES == 0:
                    progress(f"{read.lines:,} lines read")
                if line.problem is not None:
                    read.problem(line.problem, f"{name}:{line.number}")
                elif not line.audit:
                    read.other_lines += 1
                for text in line.audit:
                    read.audit_lines += 1
                    if not needles or any(needle in text for needle in needles):
                        read.place = f"{name}:{line.number}"
                        yield text
        except Damaged as error:
            read.problem("the file is cut off or damaged", error.message)


def create_relations(connection: "DuckDBPyConnection", loaded: Loaded) -> None:
    """Create `audit` and `logins`, empty."""
    connection.execute(f"CREATE TABLE audit ({_definitions(loaded.audit)})")
    connection.execute(f"CREATE TABLE logins ({_definitions([*loaded.of_line, *loaded.of_login])})")


def load_lines(
    connection: "DuckDBPyConnection", folder: Path, texts: Iterable[bytes], *, loaded: Loaded, read: Read
) -> None:
    """Insert audit lines into `audit` and `logins`; a line that is not JSON is counted in `read` as a problem."""

    def load(path: Path, places: Sequence[str]) -> Sequence[str]:
        return _load_chunk(connection, path, places, loaded)

    def report(unread_places: Sequence[str]) -> None:
        for place in unread_places:
            read.problem("not JSON", place)

    with ChunkLoader(folder, load, report) as loader:
        for text in texts:
            loader.add(text, read.place)


class ChunkLoader[Found]:
    """Writes lines to files of limited size, which are loaded on other threads while the next one is written.

    `load` gets a file, and where each of its lines is from. `report` gets what it returned, in the order of the files
    and on the thread that adds lines.
    """

    def __init__(
        self, folder: Path, load: Callable[[Path, Sequence[str]], Found], report: Callable[[Found], None]
    ) -> None:
        self._folder = folder
        self._load = load
        self._report = report
        self._pool = ThreadPoolExecutor(_LOADED_AT_ONCE)
        self._pending: deque[Future[Found]] = deque()
        self._buffered: list[bytes] = []
        self._places: list[str] = []
        self._bytes = 0
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
                while self._pending:
                    self._report(self._pending.popleft().result())
        finally:
            self._pool.shutdown(cancel_futures=True)

    def add(self, text: bytes, place: str) -> None:
        """Add one line, without its end."""
        self._buffered.append(text)
        self._places.append(place)
        self._bytes += len(text)
        if self._bytes >= _CHUNK_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._buffered:
            return
        if len(self._pending) == _LOADED_AT_ONCE:
            self._report(self._pending.popleft().result())
        path = self._folder / f"chunk-{self._number % (_LOADED_AT_ONCE + 1)}.ndjson"
        # What it had is loaded: the file can be written again, in place, which is ten times faster.
        with path.open("r+b" if path.exists() else "wb") as file:
            file.writelines((b"\n".join(self._buffered), b"\n"))
            file.truncate()
        places = self._places
        self._buffered, self._places, self._bytes, self._number = [], [], 0, self._number + 1
        self._pending.append(self._pool.submit(self._load, path, places))


def _load_chunk(connection: "DuckDBPyConnection", path: Path, places: Sequence[str], loaded: Loaded) -> Sequence[str]:
    """Load a file of lines, and return the place of each that could not be read."""
    with connection.cursor() as cursor, _staged(cursor, path, loaded):
        columns = ", ".join(f"{selected(column)} AS {column.name}" for column in loaded.audit)
        cursor.execute(f"INSERT INTO audit SELECT {columns} FROM staged WHERE record = 'audit'")  # noqa: S608 - our own names
        of_line = [f"{selected(column)} AS {column.name}" for column in loaded.of_line]
        of_login = [f'login."{column.path[0]}" AS {column.name}' for column in loaded.of_login]
        cursor.execute(
            f"INSERT INTO logins SELECT {', '.join([*of_line, *of_login])} "  # noqa: S608 - our own names
            "FROM staged, unnest(staged.grants) AS unnested(login) WHERE record = 'audit'"
        )
        return unread(cursor, path, places, "record IS DISTINCT FROM 'audit'")


def unread(cursor: "DuckDBPyConnection", path: Path, places: Sequence[str], condition: str) -> Sequence[str]:
    """Return the place of each line of `path` whose staged row has `condition`: DuckDB could not read it."""
    (count,) = cursor.execute(f"SELECT count(*) FROM staged WHERE {condition}").fetchall()[0]  # noqa: S608 - our own text
    if not count:
        return ()
    # A staged row does not say which line it is.
    lines = path.read_bytes().split(b"\n")
    broken = [place for place, text in zip(places, lines, strict=False) if not _is_json(text)]
    return [*broken, *[places[0]] * count][:count]


def _is_json(text: bytes) -> bool:
    try:
        # Half of a character, which Python accepts, is not JSON for others.
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


_RECORD: Final = Column(name="record", type="VARCHAR", path=("record",))


@contextmanager
def _staged(cursor: "DuckDBPyConnection", path: Path, loaded: Loaded) -> Iterator[None]:
    columns = dict.fromkeys([*loaded.audit, *loaded.of_line, _RECORD, LOGGED_AT])
    kinds = structure([*columns]) | {"grants": f"STRUCT({_members(structure(loaded.of_login))})[]"}
    stage(cursor, path, kinds)
    try:
        yield
    finally:
        cursor.execute("DROP TABLE staged")


def stage(cursor: "DuckDBPyConnection", path: Path, kinds: dict[str, str]) -> None:
    """Read the lines of `path` into the temporary table `staged`, a member of another type as null."""
    spelled = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
    cursor.execute(
        "CREATE TEMP TABLE staged AS SELECT * FROM read_json($path, format = 'newline_delimited', "  # noqa: S608 - our own names
        f"ignore_errors = true, maximum_object_size = {MAX_OBJECT_BYTES}, columns = {{{spelled}}})",
        {"path": str(path)},
    )


MAX_OBJECT_BYTES: Final = 64 * 1024 * 1024


def structure(columns: Sequence[Column]) -> dict[str, str]:
    """Return the type of each top-level member that `columns` are in, as DuckDB reads it from JSON."""
    inner: dict[str, list[Column]] = {}
    for column in columns:
        inner.setdefault(column.path[0], []).append(column)
    kinds: dict[str, str] = {}
    for name, found in inner.items():
        if len(found[0].path) == 1:
            kinds[name] = "VARCHAR" if found[0].type == "TIMESTAMP" else found[0].type
        else:
            deeper = [Column(name=one.name, type=one.type, path=one.path[1:]) for one in found]
            kinds[name] = f"STRUCT({_members(structure(deeper))})"
    return kinds


def _members(kinds: dict[str, str]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())


def selected(column: Column) -> str:
    """Return the expression for `column` of a staged row."""
    value = ".".join(f'"{name}"' for name in column.path)
    if column.type != "TIMESTAMP":
        return value
    return f"CASE WHEN regexp_full_match({value}, '{RFC_3339}') THEN try_cast({value} AS TIMESTAMP) END"


def _definitions(columns: Iterable[Column]) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in columns)
